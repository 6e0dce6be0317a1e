#include "actors/workflow/engine/context.hpp"

#include <charconv>

namespace shannon::workflow {

durable<nothing> context::run_sleep(durable_run& run, facts::StepId id,
                                    std::chrono::microseconds delay) {
  operation op{run, operation::kind::timer, std::move(id)};
  op.delay = delay;
  co_await op;
  co_return nothing{};
}

durable<std::string> context::run_signal(durable_run& run, facts::StepId id,
                                         std::string name) {
  operation op{run, operation::kind::signal, std::move(id)};
  op.signal = std::move(name);
  std::string payload = co_await op;
  co_return payload;
}

std::int64_t context::now_us(std::string_view key) {
  auto text = run_->note(run_->place(scope_, key), {},
                         [this] { return std::to_string(run_->now_us_); });
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

} // namespace shannon::workflow
