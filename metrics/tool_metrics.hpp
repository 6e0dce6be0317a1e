#pragma once

#include "metrics/registry.hpp"

#include <chrono>
#include <string>

namespace shannon::metrics {

/// What the TOOL RUNNER counts. Tool names come from its registry only, never
/// from a model, so the number of series is bounded.
class tool_metrics {
public:
  explicit tool_metrics(registry& where);

  void run_started() {
    running_.Increment();
  }
  /// `outcome` is ok, failed (the tool says so), cancelled or crashed.
  void run_ended(const std::string& tool, const std::string& outcome,
                 std::chrono::microseconds took);

  /// A model named a tool that is not there, or gave arguments that do not fit.
  void call_rejected() {
    rejected_.Increment();
  }
  /// A limit at the door.
  void call_refused() {
    refused_.Increment();
  }
  void calls_waiting(std::size_t count) {
    waiting_.Set(static_cast<double>(count));
  }

private:
  prometheus::Family<prometheus::Counter>& runs_;
  prometheus::Family<prometheus::Histogram>& seconds_;
  prometheus::Counter& rejected_;
  prometheus::Counter& refused_;
  prometheus::Gauge& running_;
  prometheus::Gauge& waiting_;
};

} // namespace shannon::metrics
