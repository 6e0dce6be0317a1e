#include "actors/llm/local/local_model.hpp"

#include "actors/llm/local/planning.hpp"
#include "actors/llm/local/turn.hpp"
#include "actors/llm/wire/wire_json.hpp"

#include <sstream>
#include <string>

namespace shannon::llm {

namespace {

using remote::ChatMessage;

std::string last_user_text(const remote::LlmRequest& request) {
  for (int i = request.messages_size(); i-- > 0;)
    if (request.messages(i).role() == ChatMessage::USER)
      return request.messages(i).text();
  return {};
}

/// The first words.
std::string title_of(const std::string& text) {
  constexpr int words_max = 5;
  std::istringstream words{text};
  std::string title;
  std::string word;
  for (int i = 0; i < words_max && words >> word; ++i)
    title += (i == 0 ? "" : " ") + word;
  return title;
}

} // namespace

remote::LlmResponse local_answer(const remote::LlmRequest& request) {
  remote::LlmResponse answer;
  auto& message = *answer.mutable_message();
  message.set_role(ChatMessage::ASSISTANT);
  if (request.purpose() == "plan")
    message.set_text(plan_json(last_user_text(request)));
  else if (request.purpose() == "synthesize")
    message.set_text(joined_reports(last_user_text(request)));
  else if (request.purpose() == "title")
    message.set_text(title_of(last_user_text(request)));
  else
    message = next_turn(request);
  answer.set_model(local_model_id);
  answer.set_provider("local");
  answer.set_finish_reason(message.tool_calls_size() > 0 ? "tool_calls"
                                                         : "stop");
  answer.mutable_usage()->set_input_tokens(estimate_tokens(request));
  answer.mutable_usage()->set_output_tokens(estimate_tokens(message));
  return answer;
}

} // namespace shannon::llm
