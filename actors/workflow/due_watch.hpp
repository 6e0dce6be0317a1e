#pragma once

#include "protocols/store.hpp"

#include <chrono>
#include <cstddef>
#include <optional>

namespace shannon::workflow {

/// When an ACTIVATOR asks the store which idle logs are due. Pure. It knows one
/// time only, the earliest; how many logs wait for later ones is no matter.
/// Times of timers are the database's, moments of asking the node's steady
/// clock: a wall clock that is wrong or jumps makes nothing early or late.
class due_watch {
public:
  using due_time = std::chrono::system_clock::time_point;
  using moment = std::chrono::steady_clock::time_point;
  using duration = std::chrono::steady_clock::duration;

  struct limits {
    /// It looks at least this often, for rows that others wrote.
    duration look_at_least = std::chrono::seconds{60};
    /// Between two looks when the first found more than it may take, or named
    /// again what it had found before.
    duration pause_min = std::chrono::milliseconds{50};
    duration pause_max = std::chrono::seconds{5};
  };

  explicit due_watch(limits what) : limits_(what) {}

  /// A log goes to rest until then. `database_now` as far as the node knows.
  /// Returns when to ask, if that is earlier than what it said before.
  std::optional<moment> expect(due_time at, due_time database_now, moment now);

  /// The store has answered. `fresh`: how many of the logs it named were not
  /// active. Returns when to ask again.
  moment looked(const store::due_logs& found, std::size_t fresh, moment now);

  /// The store could not answer.
  moment failed(moment now);

  /// Asked for then: is that still the moment, or has an earlier one come?
  bool stands(moment at) const noexcept {
    return next_ == at;
  }

private:
  moment retry(moment now);

  limits limits_;
  std::optional<moment> next_;
  duration pause_{0};
};

} // namespace shannon::workflow
