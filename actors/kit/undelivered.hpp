#pragma once

#include "protocols/envelope.hpp"
#include "protocols/errc.hpp"

#include <chrono>
#include <optional>

namespace shannon::kit {

/// Mail that reached nobody: nothing was begun, and asking again soon does no
/// harm. Only such an `unavailable` names a time to wait; one without may have
/// come after the work had begun.
inline error undelivered(const address& to) {
  return {errc::unavailable, "nobody stands at " + to.value, true,
          std::chrono::milliseconds{250}};
}

} // namespace shannon::kit
