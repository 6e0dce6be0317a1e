#include "actors/workflow/engine/effects.hpp"

#include "actors/workflow/engine/operation.hpp"

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

std::string effect_traits<remote::BrowserRequest>::identity(
    const remote::BrowserRequest& request) {
  return request.action() + '\x1f' + request.arguments_json();
}

std::string
effect_traits<remote::AgentBrief>::identity(const remote::AgentBrief& brief) {
  return brief.name() + '\x1f' + brief.task();
}

std::string
effect_traits<remote::ChildRun>::identity(const remote::ChildRun& run) {
  return run.program() + '\x1f' + run.id() + '\x1f' + run.input();
}

void effect_traits<remote::ChildRun>::configure(operation& op,
                                                const remote::ChildRun& run) {
  bool cancels = run.parent_close() == remote::PARENT_CLOSE_CANCEL;
  op.stops_when_dropped = cancels;
  op.stops_at_end = cancels && run.detached();
}

} // namespace shannon::workflow
