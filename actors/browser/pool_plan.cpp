#include "actors/browser/pool_plan.hpp"

#include <algorithm>

namespace shannon::browser {

bool leaves(const pool_limits& limits, const process_state& one) noexcept {
  return one.opened >= limits.process_opened_max
         || one.pages >= limits.process_opened_max
         || (limits.process_lifetime.count() > 0
             && one.age >= limits.process_lifetime)
         || (limits.process_memory_max > 0
             && one.memory_bytes >= limits.process_memory_max);
}

std::optional<place> choose(const pool_limits& limits,
                            const std::vector<process_state>& all) {
  const process_state* best = nullptr;
  std::uint32_t staying = 0;
  for (const auto& one : all) {
    if (leaves(limits, one))
      continue;
    ++staying;
    if (one.open < limits.process_sessions_max
        && (best == nullptr || one.open > best->open))
      best = &one;
  }
  if (best != nullptr)
    return place{best->number};
  if (staying < limits.processes_max)
    return place{};
  return std::nullopt;
}

std::vector<process_number> to_end(const pool_limits& limits,
                                   const std::vector<process_state>& all) {
  std::vector<process_number> out;
  auto useful = [&](const process_state& one) { return !leaves(limits, one); };
  auto staying = std::count_if(all.begin(), all.end(), useful);
  for (const auto& one : all) {
    if (one.open > 0)
      continue;
    if (!useful(one)) {
      out.push_back(one.number);
    } else if (staying > 1) {
      out.push_back(one.number);
      --staying;
    }
  }
  return out;
}

} // namespace shannon::browser
