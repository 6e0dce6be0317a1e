#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace shannon::workflow {

/// The database's wall clock as this node last heard it, carried on by the
/// node's steady clock. Runs set their timers and find them due by it, so that
/// a timer never fires before the database holds it due, whatever the node's
/// wall clock says. Any thread.
class database_clock {
public:
  using wall = std::chrono::system_clock::time_point;
  using steady = std::chrono::steady_clock::time_point;

  /// The database said `then`, and its answer was here at `now`. The answer's
  /// way makes this clock late by as much, never early.
  void heard(wall then, steady now) noexcept {
    offset_us_.store(us(then) - us(now), std::memory_order_relaxed);
    known_.store(true, std::memory_order_release);
  }
  /// Nothing was heard yet: the node's own clock must do.
  bool known() const noexcept {
    return known_.load(std::memory_order_acquire);
  }
  std::int64_t now_us(steady now) const noexcept {
    return us(now) + offset_us_.load(std::memory_order_relaxed);
  }

private:
  template <class Time>
  static std::int64_t us(Time at) noexcept {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               at.time_since_epoch())
        .count();
  }

  std::atomic<std::int64_t> offset_us_{0};
  std::atomic<bool> known_{false};
};

} // namespace shannon::workflow
