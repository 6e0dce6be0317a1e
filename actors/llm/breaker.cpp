#include "actors/llm/breaker.hpp"

#include <algorithm>

namespace shannon::llm {

using std::chrono::milliseconds;

bool breaker::admit(time_point now) {
  if (!is_open())
    return true;
  if (probing_ || now < open_until_)
    return false;
  probing_ = true;
  return true;
}

void breaker::succeeded() {
  failures_ = 0;
  probing_ = false;
  open_for_ = milliseconds{0};
}

void breaker::failed(time_point now) {
  if (is_open() && !probing_)
    return; // Sent before it opened.
  if (!is_open() && ++failures_ < limits_.failures_max)
    return;
  open_for_ = std::clamp(open_for_ * 2, limits_.open_least, limits_.open_most);
  open_until_ = now + open_for_;
  probing_ = false;
}

void breaker::undecided() {
  probing_ = false;
}

milliseconds breaker::wait(time_point now) const {
  if (!is_open())
    return milliseconds{0};
  // While a probe is out its end is what others wait for.
  return std::max(std::chrono::ceil<milliseconds>(open_until_ - now),
                  milliseconds{probing_ ? 1'000 : 0});
}

} // namespace shannon::llm
