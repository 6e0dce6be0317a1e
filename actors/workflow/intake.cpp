#include "actors/workflow/intake.hpp"

#include <algorithm>

namespace shannon::workflow {

namespace {

/// Of a bound that was not looked at for long.
constexpr std::int64_t grows_at_once_max = 32;

} // namespace

bool intake::has_room(clock::time_point now) {
  if (limits_.append_wait > microseconds{0})
    look(now);
  return at_work() < bound();
}

void intake::look(clock::time_point now) {
  std::unique_lock guard{mutex_, std::try_to_lock};
  if (!guard || now - looked_at_ < look_every)
    return; // Another thread looks, or has.
  auto gone
      = looked_at_ == clock::time_point{}
            ? 1
            : std::min((now - looked_at_) / look_every, grows_at_once_max);
  looked_at_ = now;
  // The sum first: an append in between then makes the mean too small by one,
  // never too large.
  auto sum = append_us_.load(std::memory_order_relaxed);
  auto count = appends_.load(std::memory_order_relaxed);
  auto took = std::exchange(append_us_seen_, sum);
  auto ended = std::exchange(appends_seen_, count);
  took = sum - took;
  ended = count - ended;
  auto target = static_cast<std::uint64_t>(limits_.append_wait.count());
  auto bound = static_cast<std::uint64_t>(this->bound());
  if (ended > 0 && took > target * ended)
    bound = static_cast<std::uint64_t>(at_work()) * target * ended / took;
  else
    for (std::int64_t i = 0; i < gone && bound < limits_.runs_max; ++i)
      bound += bound / 16 + 1;
  auto least = std::min(limits_.runs_min, limits_.runs_max);
  bound_.store(static_cast<std::uint32_t>(
                   std::clamp<std::uint64_t>(bound, least, limits_.runs_max)),
               std::memory_order_relaxed);
}

} // namespace shannon::workflow
