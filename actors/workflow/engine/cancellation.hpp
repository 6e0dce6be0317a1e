#pragma once

#include "actors/workflow/engine/places.hpp"
#include "protocols/errc.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

namespace shannon::workflow {

class durable_run;
class operation;

/// What a branch of a run is cancelled by. Nothing at all stands for the run
/// itself: a branch without a state is cancelled when the run is.
///
/// A shield has no state above it, so no cancel reaches what is below it; but
/// once the run is being cancelled its time is limited.
struct cancel_state {
  std::shared_ptr<cancel_state> above;
  bool shield = false;
  place where;                        ///< Of a shield: of its timer.
  std::chrono::microseconds limit{0}; ///< Of a shield.
  std::optional<error> cancelled;
  /// Of a shield, once the run is being cancelled: its timer.
  std::unique_ptr<operation> clock;
};

/// What a shield whose time is over is cancelled with.
error clean_up_took_too_long();

} // namespace shannon::workflow
