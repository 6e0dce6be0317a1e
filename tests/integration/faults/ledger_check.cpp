#include "tests/integration/faults/ledger_check.hpp"

#include <algorithm>
#include <cmath>

namespace shannon::test {

namespace {

/// What a process had sent before its end the far side may read a little
/// later; a process that wakes up sends what it had begun.
constexpr std::int64_t far_side_late_us = 250'000;
constexpr std::int64_t wakes_up_us = 2'000'000;

/// The step: its key without the attempt.
std::string step_of(const std::string& key) {
  return key.substr(0, key.rfind('/'));
}

bool is_explained(const call_seen& first, const call_seen& again,
                  const std::vector<fault_span>& faults) {
  return std::any_of(faults.begin(), faults.end(), [&](const auto& fault) {
    return fault.loses_calls && fault.from_us <= again.at_us
           && fault.until_us >= first.at_us - far_side_late_us;
  });
}

bool slept_until(std::int64_t at_us, const std::vector<fault_span>& faults) {
  return std::any_of(faults.begin(), faults.end(), [&](const auto& fault) {
    return fault.may_be_late && fault.from_us <= at_us
           && at_us <= fault.until_us + wakes_up_us;
  });
}

bool is_taken_over(const call_seen& first, const call_seen& again,
                   const takeovers_of& takeovers) {
  auto all = takeovers(again.key.substr(0, again.key.find('/')));
  return std::any_of(all.begin(), all.end(), [&](auto at_us) {
    return first.at_us <= at_us && at_us <= again.at_us;
  });
}

void check_key(const std::vector<call_seen>& calls, std::int64_t recorded_us,
               const std::vector<fault_span>& faults,
               const takeovers_of& takeovers, ledger_report& out) {
  for (std::size_t i = 1; i < calls.size(); ++i) {
    const auto& call = calls[i];
    if (recorded_us != 0 && call.at_us > recorded_us) {
      if (slept_until(call.at_us, faults))
        ++out.late;
      else
        out.wrong.push_back(call.key + ": called "
                            + std::to_string(call.at_us - recorded_us)
                            + " us after its outcome was recorded");
    } else if (is_explained(calls[i - 1], call, faults)) {
      ++out.again;
    } else {
      auto taken = is_taken_over(calls[i - 1], call, takeovers);
      (taken ? out.lost_leases : out.wrong)
          .push_back(call.key + ": called again at "
                     + std::to_string(call.at_us)
                     + " us, and no fault since it was called at "
                     + std::to_string(calls[i - 1].at_us) + " us");
    }
  }
}

/// Only what one fault alone explains: the next call came before the next
/// fault.
void measure(const std::vector<call_seen>& calls,
             const std::vector<fault_span>& faults, ledger_report& out) {
  for (std::size_t f = 0; f < faults.size(); ++f) {
    const auto& fault = faults[f];
    if (!fault.loses_calls)
      continue;
    for (std::size_t i = 0; i + 1 < calls.size(); ++i) {
      const auto& next = calls[i + 1];
      bool under_way
          = calls[i].at_us <= fault.from_us && next.at_us > fault.from_us
            && (calls[i].ended_us == 0 || calls[i].ended_us > fault.from_us);
      bool in_time
          = f + 1 == faults.size() || next.at_us < faults[f + 1].from_us;
      if (under_way && in_time)
        out.takeovers[fault.kind].push_back(
            static_cast<double>(
                std::max<std::int64_t>(next.at_us - fault.able_us, 0))
            / 1e6);
    }
  }
}

constexpr std::int64_t last_begin_us = 1'000'000;
constexpr std::int64_t last_end_us = 5'000'000;
constexpr std::int64_t slowest = 20;

/// What is to be over in `takes_us` on a machine of the usual pace.
std::int64_t scaled(std::int64_t takes_us, const cancel_seen& cancel) {
  return std::clamp(takes_us * cancel.took_us / cancel_seen::usual_us, takes_us,
                    takes_us * slowest);
}

/// When what may take so long must be over, faults considered.
std::int64_t due(std::int64_t from_us, std::int64_t takes_us,
                 const std::vector<fault_span>& faults) {
  auto until = from_us + takes_us;
  for (const auto& fault : faults)
    if (fault.from_us <= until && fault.until_us >= from_us)
      until = std::max(until, fault.until_us + takes_us);
  return until;
}

} // namespace

std::vector<std::string> check_cancels(const std::vector<call_seen>& calls,
                                       const std::vector<cancel_seen>& cancels,
                                       std::vector<fault_span> faults) {
  std::sort(faults.begin(), faults.end(),
            [](const auto& a, const auto& b) { return a.from_us < b.from_us; });
  std::map<std::string, const cancel_seen*> cancelled;
  for (const auto& one : cancels)
    cancelled.emplace(one.task, &one);
  std::vector<std::string> wrong;
  for (const auto& call : calls) {
    auto at = cancelled.find(call.key.substr(0, call.key.find('/')));
    if (at == cancelled.end())
      continue;
    const auto& cancel = *at->second;
    auto after = [&](std::int64_t us) {
      return std::to_string((us - cancel.at_us) / 1'000)
             + " ms after its cancel, at " + std::to_string(us)
             + " us, which was answered after "
             + std::to_string(cancel.took_us / 1'000) + " ms";
    };
    if (call.at_us > due(cancel.at_us, scaled(last_begin_us, cancel), faults)
        && !slept_until(call.at_us, faults))
      wrong.push_back(call.key + ": called " + after(call.at_us));
    auto last = due(cancel.at_us, scaled(last_end_us, cancel), faults);
    if (call.ended_us == 0)
      wrong.push_back(call.key + ": never ended");
    else if (call.ended_us > last)
      wrong.push_back(call.key + ": open until " + after(call.ended_us));
  }
  return wrong;
}

std::vector<fault_span>
until_taken_over(std::vector<fault_span> faults,
                 const std::vector<std::int64_t>& takeovers) {
  for (auto at_us : takeovers) {
    fault_span* last = nullptr;
    for (auto& fault : faults)
      if (fault.from_us <= at_us && (!last || last->from_us < fault.from_us))
        last = &fault;
    if (last && last->loses_calls)
      last->until_us = std::max(last->until_us, at_us);
  }
  return faults;
}

ledger_report check_ledger(std::vector<call_seen> calls,
                           const std::map<std::string, std::int64_t>& recorded,
                           std::vector<fault_span> faults,
                           const takeovers_of& takeovers) {
  std::stable_sort(
      calls.begin(), calls.end(),
      [](const auto& a, const auto& b) { return a.at_us < b.at_us; });
  std::sort(faults.begin(), faults.end(),
            [](const auto& a, const auto& b) { return a.from_us < b.from_us; });
  std::map<std::string, std::vector<call_seen>> by_key;
  std::map<std::string, std::vector<call_seen>> by_step;
  for (const auto& call : calls) {
    by_key[call.key].push_back(call);
    by_step[step_of(call.key)].push_back(call);
  }
  ledger_report out;
  out.keys = by_key.size();
  for (const auto& [key, all] : by_key) {
    auto at = recorded.find(key);
    check_key(all, at == recorded.end() ? 0 : at->second, faults, takeovers,
              out);
  }
  for (const auto& [step, all] : by_step)
    measure(all, faults, out);
  return out;
}

double quantile(std::vector<double> values, double share) {
  if (values.empty())
    return 0;
  std::sort(values.begin(), values.end());
  auto at = std::ceil(share * static_cast<double>(values.size())) - 1;
  return values[static_cast<std::size_t>(std::max(at, 0.0))];
}

} // namespace shannon::test
