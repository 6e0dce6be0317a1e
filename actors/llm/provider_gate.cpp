#include "actors/llm/provider_gate.hpp"

#include "actors/kit/log.hpp"

#include <optional>
#include <utility>

namespace shannon::llm {

using std::chrono::milliseconds;

provider_gate::provider_gate(std::string provider, std::size_t calls_max,
                             metrics::llm_metrics& metrics,
                             std::function<void()> look)
    : provider_(std::move(provider)), calls_max_(calls_max), metrics_(metrics),
      look_(std::move(look)) {}

// -- coming -------------------------------------------------------------------

provider_gate::answer provider_gate::enter_locked(time_point now) {
  if (counts_.running >= calls_max_)
    return answer::full;
  if (!breaker_.admit(now))
    return answer::down;
  ++counts_.running;
  return answer::begun;
}

provider_gate::answer provider_gate::enter(time_point now) {
  return enter(now, false);
}

provider_gate::answer provider_gate::enter_waiting(time_point now) {
  return enter(now, true);
}

provider_gate::answer provider_gate::enter(time_point now, bool waits) {
  auto got = answer::full;
  {
    std::lock_guard guard{mutex_};
    got = enter_locked(now);
    if (got == answer::full && !waits)
      ++counts_.waiting;
    if (got != answer::full && waits)
      --counts_.waiting;
  }
  if (got == answer::begun)
    metrics_.call_started(provider_);
  else if (got == answer::down)
    metrics_.call_refused(provider_, "breaker");
  return got;
}

void provider_gate::left(std::size_t count) {
  std::lock_guard guard{mutex_};
  counts_.waiting -= count;
}

bool provider_gate::enter_straight(time_point now) {
  {
    std::lock_guard guard{mutex_};
    if (counts_.waiting > 0 || enter_locked(now) != answer::begun)
      return false;
    ++counts_.straight;
  }
  metrics_.call_started(provider_);
  return true;
}

// -- going --------------------------------------------------------------------

void provider_gate::ended(const about_call& call,
                          const result<remote::LlmResponse>& how,
                          time_point now) {
  judge(how, now);
  leave(call.is_straight);
  metrics_.call_ended(provider_,
                      std::string{how ? "ok" : to_string(how.error().code)},
                      call.took);
  if (how) {
    const auto& usage = how->usage();
    metrics_.answer_came(provider_, usage.input_tokens(), usage.output_tokens(),
                         usage.cost_nanousd(),
                         std::chrono::microseconds{how->first_token_us()});
    return;
  }
  kit::log::warning("llm-call-failed", "PROVIDER gets no answer",
                    {{"provider", provider_},
                     {"model", call.model},
                     {"attempt_key", call.attempt_key},
                     {"code", to_string(how.error().code)},
                     {"retryable", how.error().retryable}});
}

void provider_gate::given_up(const about_call& call, errc why) {
  {
    std::lock_guard guard{mutex_};
    breaker_.undecided();
  }
  leave(call.is_straight);
  metrics_.call_ended(provider_, std::string{to_string(why)}, call.took);
}

/// A rate limit says that the provider lives, a refusal that it works.
void provider_gate::judge(const result<remote::LlmResponse>& how,
                          time_point now) {
  std::optional<milliseconds> opened;
  {
    std::lock_guard guard{mutex_};
    if (how
        || (!how.error().retryable && how.error().code != errc::cancelled)) {
      breaker_.succeeded();
    } else if (how.error().code == errc::overloaded
               || how.error().code == errc::cancelled) {
      breaker_.undecided();
    } else {
      auto before = breaker_.wait(now);
      breaker_.failed(now);
      if (auto wait = breaker_.wait(now); wait > before)
        opened = wait;
    }
  }
  if (!opened)
    return;
  metrics_.breaker_opened(provider_);
  kit::log::warning("llm-breaker-opened", "PROVIDER stops asking for a while",
                    {{"provider", provider_}, {"wait_ms", opened->count()}});
}

void provider_gate::leave(bool was_straight) {
  bool waited_for = false;
  {
    std::lock_guard guard{mutex_};
    --counts_.running;
    if (was_straight)
      --counts_.straight;
    waited_for = was_straight && counts_.waiting > 0;
  }
  if (waited_for)
    look_();
}

milliseconds provider_gate::wait(time_point now) const {
  std::lock_guard guard{mutex_};
  return breaker_.wait(now);
}

provider_gate::counts provider_gate::now() const {
  std::lock_guard guard{mutex_};
  return counts_;
}

} // namespace shannon::llm
