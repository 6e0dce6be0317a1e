#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

/// What the far side saw, held against faults and records. Plain functions.
namespace shannon::test {

/// A request that the far side saw; `TASK…/STEP#N/ATTEMPT` is its key.
struct call_seen {
  std::string key;
  std::int64_t at_us = 0;
  std::int64_t ended_us = 0; ///< 0: it never ended.
};

/// From before a fault was made until nothing of it is left.
struct fault_span {
  std::string kind;
  std::int64_t from_us = 0;
  std::int64_t until_us = 0;
  /// When work can go on at the earliest: `from_us`, or where no node was left
  /// when the first was started again.
  std::int64_t able_us = 0;
  /// What is under way on a node is lost with it.
  bool loses_calls = true;
  /// Who was under way may go on after others have taken over: a process that
  /// was stopped cannot know how long.
  bool may_be_late = false;
};

struct ledger_report {
  std::size_t keys = 0;
  /// Attempts made again under the same key, each under way at a fault.
  std::size_t again = 0;
  /// Made again after the outcome was recorded, by a process that slept.
  std::size_t late = 0;
  /// Made again by who had taken over a shard that no fault took from its
  /// owner: that got no processor for as long as its lease lasts, or it is a
  /// defect. In words.
  std::vector<std::string> lost_leases;
  /// What nothing of this explains, in words.
  std::vector<std::string> wrong;
  /// From a fault to the next call of a step that was under way, in seconds,
  /// by the fault's kind.
  std::map<std::string, std::vector<double>> takeovers;
};

/// The cancel of a task, and when a client heard that it is on disk.
struct cancel_seen {
  std::string task;
  std::int64_t at_us = 0;
  /// From the request to that answer: how slow the machine is. A tree hears of
  /// its cancel by as many such writes as it is deep.
  std::int64_t took_us = 0;

  /// On a machine that has time.
  static constexpr std::int64_t usual_us = 200'000;
};

/// A fault is over once what it left without an owner has one: each takeover is
/// of the last that began before it.
std::vector<fault_span>
until_taken_over(std::vector<fault_span> faults,
                 const std::vector<std::int64_t>& takeovers);

/// I11: of a cancelled task no call begins 1 s after that was acknowledged, and
/// none is open 5 s after. Both count from the end of faults that fell before
/// they were over, and a process that slept may be late as above. Where the
/// acknowledgement took more than 0.2 s both are as many times longer, twenty
/// times at most. Gives what is wrong, in words.
std::vector<std::string> check_cancels(const std::vector<call_seen>& calls,
                                       const std::vector<cancel_seen>& cancels,
                                       std::vector<fault_span> faults);

/// When the shard of a task was taken from an owner that had gone, microseconds
/// since 1970.
using takeovers_of
    = std::function<std::vector<std::int64_t>(const std::string& task)>;

/// `recorded`: when the step that this attempt completed was committed.
ledger_report check_ledger(std::vector<call_seen> calls,
                           const std::map<std::string, std::int64_t>& recorded,
                           std::vector<fault_span> faults,
                           const takeovers_of& takeovers);

/// Of some values, the one that this share of them does not exceed.
double quantile(std::vector<double> values, double share);

} // namespace shannon::test
