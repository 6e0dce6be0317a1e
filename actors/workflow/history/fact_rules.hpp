#pragma once

#include "actors/workflow/history/finding.hpp"
#include "protocols/facts/run.pb.h"

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

namespace shannon::history {

/// The rules of what facts say, whatever the code that wrote them decided:
/// which fact may follow which. Takes the facts of one log in their order and
/// keeps a few bytes for each step, timer and child.
class fact_rules {
public:
  fact_rules(log_id log, finding_sink sink)
      : log_(std::move(log)), sink_(std::move(sink)) {}

  void take(log_version version, const facts::Fact& fact);

  /// Is a timer, a deadline or another attempt due then?
  bool is_due_at(std::int64_t at_us) const;

  /// Logs that tell this one, each with the last fact that is recorded of it;
  /// 0 for a child run, which tells its end alone.
  const std::map<std::string, std::int64_t>& children() const noexcept {
    return children_;
  }

private:
  struct step {
    std::uint32_t failed = 0;    ///< The last attempt that failed.
    std::uint32_t seen = 0;      ///< The last one anything is said of.
    std::uint32_t announced = 0; ///< The last one recorded before it was made.
    bool ended = false;
    std::int64_t retry_at_us = 0; ///< When the next attempt is due.
  };
  struct timer {
    std::int64_t due_us = 0;
    bool fired = false;
  };

  void say(rule which, std::string expected, std::string found);
  void check_place(const facts::Fact& fact);
  void attempt(const facts::StepId& place, std::uint32_t number,
               const char* what);
  void on(const facts::StepStarted& fact);
  void on(const facts::AttemptFailed& fact);
  void on_outcome(const facts::StepId& place, std::uint32_t number);
  void on(const facts::StepCompleted& fact);
  void on(const facts::TimerSet& fact);
  void on(const facts::TimerFired& fact, std::int64_t at_us);
  void on(const facts::ChildProgressed& fact);
  void on(const facts::RunResumed& fact);
  void on(const facts::RunContinued& fact);

  log_id log_;
  finding_sink sink_;
  log_version version_ = 0;
  bool any_ = false;
  bool cancel_requested_ = false;
  bool parked_ = false;
  log_version ended_at_ = 0; ///< 0 while the run has not ended.
  log_version stream_end_ = 0;
  std::unordered_map<std::string, step> steps_;
  std::unordered_map<std::string, timer> timers_;
  std::map<std::string, std::int64_t> children_;
};

} // namespace shannon::history
