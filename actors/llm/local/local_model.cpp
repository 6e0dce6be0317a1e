#include "actors/llm/local/local_model.hpp"

#include "actors/llm/wire/wire_json.hpp"

namespace shannon::llm {

namespace {

using nlohmann::json;
using remote::ChatMessage;

std::string last_user_text(const remote::LlmRequest& request) {
  for (int i = request.messages_size(); i-- > 0;)
    if (request.messages(i).role() == ChatMessage::USER)
      return request.messages(i).text();
  return {};
}

std::string plan(const std::string& query) {
  return dump({{"mode", "simple"},
               {"complexity_score", 0.2},
               {"execution_strategy", "sequential"},
               {"subtasks",
                {{{"id", "s1"},
                  {"description", query},
                  {"dependencies", json::array()},
                  {"suggested_tools", json::array()}}}}});
}

} // namespace

remote::LlmResponse local_answer(const remote::LlmRequest& request) {
  remote::LlmResponse answer;
  auto& message = *answer.mutable_message();
  message.set_role(ChatMessage::ASSISTANT);
  auto text = last_user_text(request);
  if (request.purpose() == "plan")
    message.set_text(plan(text));
  else if (request.purpose() == "synthesize")
    message.set_text(text);
  else
    message.set_text(
        "I am local-rules-1, a rule-based stand-in for a language model, and "
        "no rule of mine fits this task. Set OPENAI_API_KEY or "
        "ANTHROPIC_API_KEY for a real model.");
  answer.set_finish_reason("stop");
  answer.mutable_usage()->set_input_tokens(estimate_tokens(request));
  answer.mutable_usage()->set_output_tokens(estimate_tokens(message));
  return answer;
}

} // namespace shannon::llm
