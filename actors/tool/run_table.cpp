#include "actors/tool/run_table.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace shannon::tool {

std::chrono::steady_clock::time_point tool_call::deadline() const {
  std::chrono::steady_clock::time_point latest{};
  for (const auto& asker : askers) {
    if (asker.deadline.time_since_epoch().count() == 0)
      return {};
    latest = std::max(latest, asker.deadline);
  }
  return latest;
}

result<void> run_table::add(const envelope& asker, const remote::ToolRun& what,
                            checked_call call) {
  const auto& key = what.context().attempt_key();
  if (!key.empty())
    for (auto& [number, one] : calls_) {
      if (one.attempt_key != key || one.stopped)
        continue;
      bool same = one.what.request().tool() == what.request().tool()
                  && *one.call.arguments == *call.arguments;
      if (!same)
        return fail(errc::conflict,
                    "another tool call is under way under this attempt key");
      one.askers.push_back(asker);
      return {};
    }
  if (running_ >= running_max_ && waiting_.size() >= waiting_max_)
    return fail(errc::overloaded,
                std::to_string(running_) + " tools are running and "
                    + std::to_string(waiting_.size()) + " wait, the limit",
                true);
  auto number = ++last_;
  tool_call one;
  one.number = number;
  one.attempt_key = key;
  one.what = what;
  one.call = std::move(call);
  one.askers.push_back(asker);
  calls_.emplace(number, std::move(one));
  waiting_.push_back(number);
  return {};
}

tool_call* run_table::next() {
  if (running_ >= running_max_ || waiting_.empty())
    return nullptr;
  auto& one = calls_.at(waiting_.front());
  waiting_.pop_front();
  one.running = true;
  ++running_;
  return &one;
}

tool_call* run_table::find(run_number number) {
  auto at = calls_.find(number);
  return at == calls_.end() ? nullptr : &at->second;
}

std::vector<run_number> run_table::under(const std::string& key) const {
  std::vector<run_number> out;
  for (const auto& [number, one] : calls_)
    if (!key.empty() && one.attempt_key == key)
      out.push_back(number);
  return out;
}

std::vector<run_number> run_table::all() const {
  std::vector<run_number> numbers;
  for (const auto& [number, one] : calls_)
    numbers.push_back(number);
  return numbers;
}

std::optional<tool_call> run_table::remove(run_number number) {
  auto at = calls_.find(number);
  if (at == calls_.end())
    return std::nullopt;
  auto out = std::move(at->second);
  calls_.erase(at);
  if (out.running)
    --running_;
  else
    waiting_.erase(std::find(waiting_.begin(), waiting_.end(), number));
  return out;
}

} // namespace shannon::tool
