#include "actors/llm/wire/wire_format.hpp"
#include "actors/llm/wire/wire_json.hpp"

#include <map>

namespace shannon::llm {

namespace {

using nlohmann::json;
using remote::ChatMessage;

// -- asking -------------------------------------------------------------------

json message_json(const ChatMessage& message) {
  switch (message.role()) {
  case ChatMessage::SYSTEM:
    return {{"role", "system"}, {"content", message.text()}};
  case ChatMessage::TOOL:
    return {{"role", "tool"},
            {"tool_call_id", message.tool_call_id()},
            {"content", message.text()}};
  case ChatMessage::ASSISTANT:
    break;
  default:
    return {{"role", "user"}, {"content", message.text()}};
  }
  json out{{"role", "assistant"}, {"content", message.text()}};
  if (message.text().empty() && message.tool_calls_size() > 0)
    out["content"] = nullptr;
  for (const auto& call : message.tool_calls())
    out["tool_calls"].push_back(
        {{"id", call.id()},
         {"type", "function"},
         {"function",
          {{"name", call.name()},
           {"arguments", dump(arguments_object(call.arguments_json()))}}}});
  return out;
}

json request_json(const remote::LlmRequest& request, const wire_options& how) {
  json out{{"model", how.model}, {"messages", json::array()}};
  for (const auto& message : request.messages())
    out["messages"].push_back(message_json(message));
  for (const auto& tool : request.tools())
    out["tools"].push_back({{"type", "function"},
                            {"function",
                             {{"name", tool.name()},
                              {"description", tool.description()},
                              {"parameters", parameters_schema(tool)}}}});
  auto output = request.max_output_tokens() != 0 ? request.max_output_tokens()
                                                 : how.output_tokens;
  if (output != 0)
    out[how.completion_tokens ? "max_completion_tokens" : "max_tokens"]
        = output;
  // Zero is Protobuf's "not set".
  if (request.temperature() != 0 && !how.fixed_temperature)
    out["temperature"] = request.temperature();
  if (request.json_object())
    out["response_format"] = {{"type", "json_object"}};
  if (request.stream()) {
    out["stream"] = true;
    out["stream_options"] = {{"include_usage", true}};
  }
  return out;
}

// -- reading ------------------------------------------------------------------

class reader final : public answer_reader {
public:
  explicit reader(const remote::LlmRequest& request) : request_(request) {
    usage_.set_input_tokens(-1);
    usage_.set_output_tokens(-1);
  }

  result<void> event(const sse_event& what) override {
    if (what.data == "[DONE]") {
      done_ = true;
      return {};
    }
    auto object = parse_object(what.data);
    if (!object)
      return tl::unexpected<error>(object.error());
    return take(*object, "delta");
  }

  result<void> body(std::string_view text) override {
    auto object = parse_object(text);
    if (!object)
      return tl::unexpected<error>(object.error());
    done_ = true;
    return take(*object, "message");
  }

  result<remote::LlmResponse> finish() override {
    if (!done_ && finish_.empty())
      return fail(errc::unavailable, "the answer was cut", true);
    if (text_.empty() && calls_.empty() && finish_.empty())
      return fail(errc::failed, "upstream answered without a choice", true);
    remote::LlmResponse answer;
    auto& message = *answer.mutable_message();
    message.set_role(ChatMessage::ASSISTANT);
    message.set_text(text_.empty() ? refusal_ : text_);
    for (auto& [index, call] : calls_)
      if (!call.name().empty())
        *message.add_tool_calls() = call;
    complete_usage(usage_, request_, message);
    *answer.mutable_usage() = usage_;
    answer.set_finish_reason(finish_reason(message));
    return answer;
  }

private:
  /// `part` is where the words are: `delta` of a chunk, `message` of a whole.
  result<void> take(const json& object, const char* part) {
    if (object.contains("error"))
      return tl::unexpected<error>(stream_error(object));
    take_usage(object_at(object, "usage"));
    auto choices = object.find("choices");
    if (choices == object.end() || !choices->is_array() || choices->empty())
      return {};
    const auto& choice = choices->front();
    if (!choice.is_object())
      return fail(errc::failed, "upstream sent a choice that is no object",
                  true);
    if (auto reason = text_at(choice, "finish_reason"); !reason.empty())
      finish_ = reason;
    const auto& words = object_at(choice, part);
    if (auto text = content(words); !text.empty()) {
      text_ += text;
      came(text);
    }
    refusal_ += text_at(words, "refusal");
    if (auto calls = words.find("tool_calls");
        calls != words.end() && calls->is_array())
      return take_calls(*calls);
    return {};
  }

  static std::string content(const json& words) {
    auto at = words.find("content");
    if (at == words.end() || !at->is_array())
      return text_at(words, "content");
    std::string text;
    for (const auto& piece : *at)
      if (piece.is_object())
        text += text_at(piece, "text");
    return text;
  }

  result<void> take_calls(const json& calls) {
    std::int64_t position = 0;
    for (const auto& piece : calls) {
      if (!piece.is_object())
        return fail(errc::failed, "upstream sent a tool call that is no object",
                    true);
      auto index = count_at(piece, "index");
      if (index < 0) // Whole answers, and some servers' only chunk, have none.
        index = position;
      ++position;
      if (index >= static_cast<std::int64_t>(tool_calls_max))
        return fail(errc::failed, "upstream asked for too many tool calls",
                    true);
      auto& call = calls_[index];
      const auto& function = object_at(piece, "function");
      if (auto id = text_at(piece, "id"); !id.empty())
        call.set_id(id.substr(0, tool_name_max));
      if (call.name().size() < tool_name_max)
        *call.mutable_name() += text_at(function, "name");
      auto arguments = function.find("arguments");
      if (arguments != function.end())
        // Some servers send the object itself.
        *call.mutable_arguments_json() += arguments->is_string()
                                              ? arguments->get<std::string>()
                                              : dump(*arguments);
      came({});
    }
    return {};
  }

  void take_usage(const json& usage) {
    if (auto n = count_at(usage, "prompt_tokens"); n >= 0)
      usage_.set_input_tokens(n);
    if (auto n = count_at(usage, "completion_tokens"); n >= 0)
      usage_.set_output_tokens(n);
    if (auto n
        = count_at(object_at(usage, "prompt_tokens_details"), "cached_tokens");
        n >= 0)
      usage_.set_cache_read_tokens(n);
  }

  std::string finish_reason(const ChatMessage& message) const {
    if (finish_ == "length")
      return "length";
    return message.tool_calls_size() > 0 ? "tool_calls" : "stop";
  }

  remote::LlmRequest request_;
  std::string text_;
  std::string refusal_;
  std::string finish_;
  bool done_ = false;
  std::map<std::int64_t, remote::ToolCall> calls_;
  remote::TokenUsage usage_;
};

class openai final : public wire_format {
public:
  wire_request write(const remote::LlmRequest& request,
                     const wire_options& how) const override {
    wire_request out;
    out.path = "/chat/completions";
    if (!how.api_key.empty())
      out.headers.emplace_back("Authorization", "Bearer " + how.api_key);
    out.body = dump(request_json(request, how));
    return out;
  }

  std::unique_ptr<answer_reader>
  read(const remote::LlmRequest& request) const override {
    return std::make_unique<reader>(request);
  }
};

} // namespace

const wire_format& openai_wire() {
  static const openai format;
  return format;
}

} // namespace shannon::llm
