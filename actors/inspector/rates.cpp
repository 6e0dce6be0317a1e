#include "actors/inspector/rates.hpp"

#include <algorithm>

namespace shannon::inspector {

namespace {

using namespace std::chrono_literals;

/// Several who look at once must not make each other's intervals short.
constexpr auto shortest = 500ms;
constexpr auto kept_for = 60s;

rates::rate mean(std::uint64_t messages, rates::time_point from,
                 rates::time_point to) {
  auto over = std::chrono::duration_cast<std::chrono::milliseconds>(to - from);
  // Younger than a tick of its clock: as if it were one.
  over = std::max<std::chrono::milliseconds>(over, 1ms);
  return {static_cast<double>(messages) * 1e3
              / static_cast<double>(over.count()),
          over};
}

} // namespace

rates::rate rates::told(std::uint64_t number, std::uint64_t total,
                        time_point born, time_point now) {
  if (now - swept_ >= kept_for)
    forget_old(now);
  auto at = known_.find(number);
  if (at == known_.end()) {
    auto life = mean(total, born, now);
    if (known_.size() < kept_max_)
      known_.emplace(number, look{total, now, life});
    return life;
  }
  auto& before = at->second;
  if (now - before.at >= shortest)
    before = {total, now, mean(total - before.total, before.at, now)};
  return before.last;
}

void rates::forget_old(time_point now) {
  swept_ = now;
  std::erase_if(known_, [now](const auto& one) {
    return now - one.second.at >= kept_for;
  });
}

} // namespace shannon::inspector
