#include "actors/llm/wire/plain_answer.hpp"
#include "actors/llm/wire/wire_format.hpp"
#include "actors/llm/wire/wire_json.hpp"

#include <map>

namespace shannon::llm {

namespace {

using nlohmann::json;
using remote::ChatMessage;
using std::string;

// -- asking -------------------------------------------------------------------

json attachment_json(const remote::Attachment& what) {
  auto url = !what.url().empty() ? what.url()
                                 : "data:" + what.media_type() + ";base64,"
                                       + what.data_base64();
  if (is_image(what))
    return {{"type", "image_url"}, {"image_url", {{"url", std::move(url)}}}};
  return {{"type", "file"},
          {"file", {{"filename", what.name()}, {"file_data", std::move(url)}}}};
}

/// A text, or blocks if there is more than that.
json content_json(const ChatMessage& message) {
  if (message.attachments().empty())
    return message.text();
  json blocks = json::array();
  if (!message.text().empty())
    blocks.push_back({{"type", "text"}, {"text", message.text()}});
  for (const auto& what : message.attachments())
    blocks.push_back(attachment_json(what));
  return blocks;
}

json message_json(const ChatMessage& message) {
  switch (message.role()) {
  case ChatMessage::SYSTEM:
    return {{"role", "system"}, {"content", message.text()}};
  case ChatMessage::TOOL:
    return {{"role", "tool"},
            {"tool_call_id", message.tool_call_id()},
            {"content", content_json(message)}};
  case ChatMessage::ASSISTANT:
    break;
  default:
    return {{"role", "user"}, {"content", content_json(message)}};
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

/// What clients set and runs leave to the provider.
void add_choices(json& out, const remote::LlmRequest& request,
                 const wire_options& how) {
  if (auto tool = chosen_tool(request); !tool.empty())
    out["tool_choice"]
        = {{"type", "function"}, {"function", {{"name", std::move(tool)}}}};
  else if (!request.tool_choice().empty())
    out["tool_choice"] = request.tool_choice();
  if (request.single_tool_call() && request.tools_size() > 0)
    out["parallel_tool_calls"] = false;
  for (const auto& stop : request.stop())
    out["stop"].push_back(stop);
  if (request.has_seed())
    out["seed"] = request.seed();
  if (!request.reasoning_effort().empty())
    out["reasoning_effort"] = request.reasoning_effort();
  if (how.fixed_temperature)
    return;
  if (request.has_temperature())
    out["temperature"] = request.temperature();
  if (request.has_top_p())
    out["top_p"] = request.top_p();
  if (request.has_presence_penalty())
    out["presence_penalty"] = request.presence_penalty();
  if (request.has_frequency_penalty())
    out["frequency_penalty"] = request.frequency_penalty();
}

/// Everything but the model and the messages.
json choices_json(const remote::LlmRequest& request, const wire_options& how) {
  auto out = json::object();
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
  add_choices(out, request, how);
  if (!request.json_schema().empty())
    if (auto schema = json::parse(request.json_schema(), nullptr, false);
        schema.is_object())
      out["response_format"]
          = {{"type", "json_schema"}, {"json_schema", std::move(schema)}};
  if (request.json_object() && !out.contains("response_format"))
    out["response_format"] = {{"type", "json_object"}};
  if (request.stream()) {
    out["stream"] = true;
    out["stream_options"] = {{"include_usage", true}};
  }
  return out;
}

/// Nearly all are a role and a text: those are written without a tree.
void append_message(string& out, const ChatMessage& message) {
  if (!message.attachments().empty() || !message.tool_calls().empty()
      || message.role() == ChatMessage::TOOL) {
    out += dump(message_json(message));
    return;
  }
  out += R"({"role":")";
  out += message.role() == ChatMessage::SYSTEM      ? "system"
         : message.role() == ChatMessage::ASSISTANT ? "assistant"
                                                    : "user";
  out += R"(","content":)";
  append_string(out, message.text());
  out += '}';
}

string request_text(const remote::LlmRequest& request,
                    const wire_options& how) {
  string out = R"({"model":)";
  append_string(out, how.model);
  out += R"(,"messages":[)";
  for (int i = 0; i < request.messages_size(); ++i) {
    if (i > 0)
      out += ',';
    append_message(out, request.messages(i));
  }
  out += ']';
  if (auto more = choices_json(request, how); !more.empty()) {
    auto text = dump(more);
    text.front() = ',';
    return out += text;
  }
  return out += '}';
}

// -- reading ------------------------------------------------------------------

class reader final : public answer_reader {
public:
  explicit reader(const remote::LlmRequest& request)
      : question_tokens_(estimate_tokens(request)) {
    usage_.set_input_tokens(-1);
    usage_.set_output_tokens(-1);
  }

  result<void> event(const sse_event& what) override {
    if (what.data == "[DONE]") {
      done_ = true;
      return {};
    }
    if (auto plain = read_plain(what.data, "delta")) {
      take(*plain);
      return {};
    }
    auto object = parse_object(what.data);
    if (!object)
      return tl::unexpected<error>(object.error());
    return take(*object, "delta");
  }

  result<void> body(std::string_view text) override {
    if (auto plain = read_plain(text, "message")) {
      done_ = true;
      take(*plain);
      return {};
    }
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
    complete_usage(usage_, question_tokens_, message);
    *answer.mutable_usage() = usage_;
    answer.set_finish_reason(finish_reason(message));
    return answer;
  }

private:
  void take(const plain_answer& what) {
    if (what.input_tokens >= 0)
      usage_.set_input_tokens(what.input_tokens);
    if (what.output_tokens >= 0)
      usage_.set_output_tokens(what.output_tokens);
    if (what.cached_tokens >= 0)
      usage_.set_cache_read_tokens(what.cached_tokens);
    if (!what.finish_reason.empty())
      finish_ = what.finish_reason;
    if (what.text.empty())
      return;
    text_ += what.text;
    came(what.text);
  }

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
      came(take_call(calls_[index], index, piece));
    }
    return {};
  }

  static remote::ToolCallDelta
  take_call(remote::ToolCall& call, std::int64_t index, const json& piece) {
    remote::ToolCallDelta delta;
    delta.set_index(static_cast<std::uint32_t>(index));
    const auto& function = object_at(piece, "function");
    if (auto id = text_at(piece, "id"); !id.empty()) {
      call.set_id(id.substr(0, tool_name_max));
      delta.set_id(call.id());
    }
    if (call.name().size() < tool_name_max) {
      delta.set_name(text_at(function, "name"));
      *call.mutable_name() += delta.name();
    }
    auto arguments = function.find("arguments");
    if (arguments != function.end()) {
      // Some servers send the object itself.
      delta.set_arguments(arguments->is_string() ? arguments->get<std::string>()
                                                 : dump(*arguments));
      *call.mutable_arguments_json() += delta.arguments();
    }
    return delta;
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
    if (finish_ == "length" || finish_ == "content_filter")
      return finish_;
    return message.tool_calls_size() > 0 ? "tool_calls" : "stop";
  }

  const std::int64_t question_tokens_;
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
    out.body = request_text(request, how);
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
