#pragma once

#include "protocols/remote/llm.pb.h"

#include <string>

namespace shannon::test {

inline remote::ChatMessage& add(remote::LlmRequest& request,
                                remote::ChatMessage::Role role,
                                std::string text) {
  auto& message = *request.add_messages();
  message.set_role(role);
  message.set_text(std::move(text));
  return message;
}

/// One of everything: a system prompt, a tool, calls, one with arguments that
/// are no JSON, and their results.
inline remote::LlmRequest conversation_request() {
  using remote::ChatMessage;
  remote::LlmRequest request;
  add(request, ChatMessage::SYSTEM, "Be brief.");
  add(request, ChatMessage::USER, "What is 6 * 7?");
  auto& asked = add(request, ChatMessage::ASSISTANT, "");
  auto& good = *asked.add_tool_calls();
  good.set_id("call_1");
  good.set_name("calculator");
  good.set_arguments_json(R"({"expression":"6*7"})");
  auto& bad = *asked.add_tool_calls();
  bad.set_id("call_2");
  bad.set_name("calculator");
  bad.set_arguments_json("6 times 7");
  add(request, ChatMessage::TOOL, "42").set_tool_call_id("call_1");
  auto& failed = add(request, ChatMessage::TOOL, "Error: bad");
  failed.set_tool_call_id("call_2");
  failed.set_is_error(true);
  auto& tool = *request.add_tools();
  tool.set_name("calculator");
  tool.set_description("Computes.");
  tool.set_parameters_json(R"({"type": "object", "properties":
    {"expression": {"type": "string"}}})");
  request.set_max_output_tokens(500);
  request.set_temperature(0.5);
  request.set_stream(true);
  request.set_json_object(true);
  return request;
}

} // namespace shannon::test
