#pragma once

#include "actors/workflow/engine/run.hpp"
#include "actors/workflow/history/export_format.hpp"
#include "protocols/remote/workflow.pb.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// A recorded run looked at again, by the program of this build. Nothing of it
/// touches the world: what would be appended, started or stopped is told.
namespace shannon::history {

/// What carries runs of one strategy.
struct known_program {
  workflow::program code;
  workflow::run_options options;
};

/// What the first fact of a log says. Empty if it is not there or not one.
facts::RunStarted start_of(const exported_log& log);

/// A run as it stands at one version, and what it decides there.
struct standing {
  log_version version = 0;
  workflow::durable_run::phase phase = workflow::durable_run::phase::empty;
  store::log_status status = store::log_status::queued;
  bool cancelling = false;
  /// Why it failed, was cancelled or parked; else empty.
  std::string failure;
  facts::Usage usage;
  /// Where the program asks for something else than is recorded, or did when
  /// the run was parked.
  std::optional<facts::RunParked> mismatch;

  // What comes next, if the program is known.

  /// What it waits for then.
  std::vector<remote::Wait> waits;
  std::vector<facts::Fact> append;
  /// Attempts that start once `append` is on disk.
  std::vector<workflow::durable_run::effect_start> start;
  std::vector<workflow::durable_run::effect_stop> stop;
  bool idle = false;
  std::optional<std::int64_t> wake_at_us;
};

/// Replays the facts up to `version`. Without a program it is known what the
/// facts say and not what would follow. Fails if the log cannot be understood.
result<standing> stand_at(const exported_log& log, log_version version,
                          const known_program* program, std::int64_t now_us);

/// Where the program of this build does not decide what is recorded.
struct difference {
  log_version version = 0; ///< Of the fact that differs; the end plus one if
                           ///< the program goes on after it.
  std::string recorded;
  std::string decided;
};

/// Walks every version: stands there, and compares what the program decides
/// with the fact that was recorded next. What came from outside (outcomes,
/// signals, a cancel) must have been asked for where something asks; what the
/// program decided (timers, values of clock and chance, attempts announced,
/// the end) must be decided again. n versions
/// cost n replays.
result<std::optional<difference>>
first_difference(const exported_log& log, const known_program& program);

} // namespace shannon::history
