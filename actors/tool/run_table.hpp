#pragma once

#include "actors/tool/registry.hpp"
#include "protocols/envelope.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace shannon::tool {

using run_number = std::uint64_t;

/// One call of a tool and who waits for its answer.
struct tool_call {
  run_number number = 0;
  std::string attempt_key;
  remote::ToolRun what;
  checked_call call;
  std::vector<envelope> askers;
  bool running = false;
  /// Set once it is being stopped: what its askers are told.
  std::optional<error> stopped;
  std::chrono::steady_clock::time_point begun;

  /// When nobody waits any more; zero for never.
  std::chrono::steady_clock::time_point deadline() const;
};

/// What the TOOL RUNNER decides: who runs, who waits, who is refused. Knows no
/// actors and no clock.
class run_table {
public:
  run_table(std::size_t running_max, std::size_t waiting_max)
      : running_max_(running_max), waiting_max_(waiting_max) {}

  /// Takes a call in: to run when `next` says so. A call with the attempt key
  /// of one that is under way joins it: it is the same attempt asked twice.
  /// Fails with `conflict` if it asks for something else under that key, with
  /// `overloaded` (retryable) if too many wait.
  result<void> add(const envelope& asker, const remote::ToolRun& what,
                   checked_call call);

  /// The next call that may run now, marked as running; null if none.
  tool_call* next();

  tool_call* find(run_number number);

  /// Numbers of the calls under this key.
  std::vector<run_number> under(const std::string& attempt_key) const;

  /// Numbers of all calls, running or waiting.
  std::vector<run_number> all() const;

  /// Takes a call out, whatever its state.
  std::optional<tool_call> remove(run_number number);

  std::size_t running() const noexcept {
    return running_;
  }
  std::size_t waiting() const noexcept {
    return waiting_.size();
  }

private:
  std::size_t running_max_;
  std::size_t waiting_max_;
  std::map<run_number, tool_call> calls_;
  std::deque<run_number> waiting_;
  std::size_t running_ = 0;
  run_number last_ = 0;
};

} // namespace shannon::tool
