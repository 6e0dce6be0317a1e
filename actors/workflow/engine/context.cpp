#include "actors/workflow/engine/context.hpp"

#include <algorithm>
#include <charconv>

namespace shannon::workflow {

std::string
effect_traits<remote::LlmRequest>::identity(const remote::LlmRequest& request) {
  // System prompts, tool descriptions and model choice change from build to
  // build; what was said and answered must not.
  std::string text = request.purpose();
  for (const auto& message : request.messages()) {
    if (message.role() == remote::ChatMessage::SYSTEM)
      continue;
    text += '\x1e';
    text += std::to_string(message.role());
    text += '\x1f' + message.text() + '\x1f' + message.tool_call_id();
    for (const auto& call : message.tool_calls())
      text += '\x1f' + call.id() + '\x1f' + call.name() + '\x1f'
              + call.arguments_json();
  }
  return text;
}

std::string effect_traits<remote::ToolRequest>::identity(
    const remote::ToolRequest& request) {
  return request.tool() + '\x1f' + request.arguments_json();
}

std::string
effect_traits<remote::AgentBrief>::identity(const remote::AgentBrief& brief) {
  return brief.name() + '\x1f' + brief.task();
}

durable<nothing> context::run_sleep(durable_run& run, facts::StepId id,
                                    std::chrono::microseconds delay) {
  operation op{run, operation::kind::timer, std::move(id)};
  // Further away than any run lives, and far from where clocks overflow.
  op.delay = std::clamp<std::chrono::microseconds>(
      delay, std::chrono::microseconds{0}, std::chrono::hours{24 * 36'500});
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
