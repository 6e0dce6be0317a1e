#pragma once

#include "metrics/registry.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace shannon::metrics {

/// What the BROWSER POOL and its sessions count. Names of actions come from the
/// table of tools only, never from a model, so the number of series is bounded.
class browser_metrics {
public:
  explicit browser_metrics(registry& where);

  void session_opened(bool good, std::chrono::nanoseconds took);
  /// `reason` is one sentence; counted are `closed`, `idle`, `old` and `lost`.
  void session_ended(const std::string& reason);
  /// A limit at the door.
  void session_refused() {
    refused_.Increment();
  }
  void sessions_are(std::size_t count) {
    open_.Set(static_cast<double>(count));
  }

  /// `outcome` is ok, failed (the page or the arguments), cancelled or lost;
  /// `action` is `none` for one that is not in the table.
  void action_ended(const std::string& action, const std::string& outcome,
                    std::chrono::nanoseconds took);

  /// Since the node began; the first number is of now.
  void processes_are(std::uint64_t running, std::uint64_t started,
                     std::uint64_t crashed);

private:
  prometheus::Family<prometheus::Counter>& opened_;
  prometheus::Histogram& open_seconds_;
  prometheus::Family<prometheus::Counter>& ended_;
  prometheus::Counter& refused_;
  prometheus::Gauge& open_;
  prometheus::Family<prometheus::Counter>& actions_;
  prometheus::Histogram& action_seconds_;
  prometheus::Gauge& processes_;
  prometheus::Gauge& started_;
  prometheus::Gauge& crashed_;
};

} // namespace shannon::metrics
