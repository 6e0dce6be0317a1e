#include "actors/link/ask_table.hpp"

#include <utility>

namespace shannon::link {

void ask_table::add(ask what, time_point deadline) {
  key name{std::move(what.from.value), what.correlation};
  // One that is sent twice, as over a hop, is open once.
  answered({name.from}, name.correlation);
  auto due = due_.end();
  if (deadline != time_point{})
    due = due_.emplace(deadline, name);
  asks_.emplace(std::move(name), entry{std::move(what.to), due});
}

bool ask_table::answered(const address& from, std::uint64_t correlation) {
  auto at = asks_.find(key{from.value, correlation});
  if (at == asks_.end())
    return false;
  if (at->second.due != due_.end())
    due_.erase(at->second.due);
  asks_.erase(at);
  return true;
}

void ask_table::expire(time_point now) {
  while (!due_.empty() && due_.begin()->first <= now) {
    asks_.erase(due_.begin()->second);
    due_.erase(due_.begin());
  }
}

std::vector<ask_table::ask> ask_table::take_all() {
  std::vector<ask> out;
  out.reserve(asks_.size());
  for (auto& [name, what] : asks_)
    out.push_back({{name.from}, std::move(what.to), name.correlation});
  asks_.clear();
  due_.clear();
  return out;
}

} // namespace shannon::link
