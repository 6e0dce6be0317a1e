#pragma once

#include "metrics/registry.hpp"

#include <chrono>
#include <map>
#include <shared_mutex>
#include <string>
#include <utility>

namespace shannon::metrics {

/// What durable runs (WORKFLOW and AGENT) count. `kind` is `workflow` or
/// `agent`.
class run_metrics {
public:
  run_metrics(registry& where, const std::string& kind);

  void run_accepted() {
    accepted_.Increment();
  }
  void run_activated() {
    active_.Increment();
  }
  void run_passivated() {
    active_.Decrement();
  }
  /// `status` as in the head row: completed, failed, cancelled, needs_operator.
  void run_ended(const std::string& status);
  void run_replayed(std::size_t facts) {
    replays_.Increment();
    replayed_facts_.Increment(static_cast<double>(facts));
  }
  /// Runs at work, and how many there may be before a new one is refused.
  void intake(std::uint32_t at_work, std::uint32_t bound);
  void run_reactivated() {
    reactivations_.Increment();
  }
  /// `effect` is llm, tool, tools or agent; `outcome` ok or an errc name.
  void step_ended(const std::string& effect, const std::string& outcome,
                  std::chrono::microseconds took);

private:
  struct step_line {
    prometheus::Counter* attempts = nullptr;
    prometheus::Histogram* seconds = nullptr;
  };

  std::string kind_;
  prometheus::Family<prometheus::Counter>& ended_;
  prometheus::Family<prometheus::Counter>& steps_;
  prometheus::Family<prometheus::Histogram>& step_seconds_;
  prometheus::Family<prometheus::Gauge>& intake_;
  prometheus::Counter& accepted_;
  prometheus::Gauge& active_;
  prometheus::Counter& replays_;
  prometheus::Counter& replayed_facts_;
  prometheus::Counter& reactivations_;
  /// Looking a series up by its labels costs more than counting, and an effect
  /// and its outcome are few words.
  std::shared_mutex lines_mutex_;
  std::map<std::pair<std::string, std::string>, step_line> lines_;
  std::map<std::string, prometheus::Counter*> ends_;
  /// Of the one kind that has a door.
  prometheus::Gauge* at_work_ = nullptr;
  prometheus::Gauge* bound_ = nullptr;
};

} // namespace shannon::metrics
