#include "actors/llm/wire/wire_format.hpp"
#include "actors/llm/wire/wire_json.hpp"

#include <algorithm>
#include <map>

namespace shannon::llm {

namespace {

using nlohmann::json;
using remote::ChatMessage;

/// The API insists on a limit; this is what it gets when nobody names one.
constexpr std::uint32_t output_tokens_default = 4096;

// -- asking -------------------------------------------------------------------

json text_block(const std::string& text) {
  return {{"type", "text"}, {"text", text}};
}

json attachment_block(const remote::Attachment& what) {
  json source{{"type", "url"}, {"url", what.url()}};
  if (what.url().empty())
    source = {{"type", "base64"},
              {"media_type", what.media_type()},
              {"data", what.data_base64()}};
  return {{"type", is_image(what) ? "image" : "document"},
          {"source", std::move(source)}};
}

json blocks_of(const ChatMessage& message) {
  json blocks = json::array();
  if (message.role() == ChatMessage::TOOL) {
    json block{{"type", "tool_result"},
               {"tool_use_id", message.tool_call_id()},
               {"content", message.text()}};
    if (message.attachments_size() > 0) {
      block["content"] = json::array();
      if (!message.text().empty())
        block["content"].push_back(text_block(message.text()));
      for (const auto& what : message.attachments())
        block["content"].push_back(attachment_block(what));
    }
    if (message.is_error())
      block["is_error"] = true;
    blocks.push_back(std::move(block));
    return blocks;
  }
  for (const auto& what : message.attachments())
    blocks.push_back(attachment_block(what));
  // Empty text blocks are refused.
  if (!message.text().empty())
    blocks.push_back(text_block(message.text()));
  for (const auto& call : message.tool_calls())
    blocks.push_back({{"type", "tool_use"},
                      {"id", call.id()},
                      {"name", call.name()},
                      {"input", arguments_object(call.arguments_json())}});
  return blocks;
}

json tool_choice(const remote::LlmRequest& request) {
  const auto& choice = request.tool_choice();
  json out = json::object();
  if (auto tool = chosen_tool(request); !tool.empty())
    out = {{"type", "tool"}, {"name", std::move(tool)}};
  else if (!choice.empty())
    out = {{"type", choice == "required" ? "any" : choice}};
  else if (request.single_tool_call())
    out = {{"type", "auto"}};
  if (request.single_tool_call() && choice != "none")
    out["disable_parallel_tool_use"] = true;
  return out;
}

/// What clients set and runs leave to the provider.
void add_choices(json& out, const remote::LlmRequest& request,
                 const wire_options& how) {
  if (request.tools_size() > 0)
    if (auto choice = tool_choice(request); !choice.empty())
      out["tool_choice"] = std::move(choice);
  for (const auto& stop : request.stop())
    out["stop_sequences"].push_back(stop);
  if (how.fixed_temperature)
    return;
  // OpenAI's scale ends at 2, this one at 1.
  if (request.has_temperature())
    out["temperature"] = std::min(request.temperature(), 1.0);
  if (request.has_top_p())
    out["top_p"] = request.top_p();
}

json request_json(const remote::LlmRequest& request, const wire_options& how) {
  std::string system;
  json messages = json::array();
  for (const auto& message : request.messages()) {
    if (message.role() == ChatMessage::SYSTEM) {
      system += (system.empty() ? "" : "\n\n") + message.text();
      continue;
    }
    auto blocks = blocks_of(message);
    if (blocks.empty())
      continue;
    const auto* role
        = message.role() == ChatMessage::ASSISTANT ? "assistant" : "user";
    // Roles must take turns, and a user must begin.
    if (messages.empty() && std::string_view{role} == "assistant")
      messages.push_back(
          {{"role", "user"}, {"content", json::array({text_block("…")})}});
    if (!messages.empty() && messages.back()["role"] == role)
      for (auto& block : blocks)
        messages.back()["content"].push_back(std::move(block));
    else
      messages.push_back({{"role", role}, {"content", std::move(blocks)}});
  }
  json out{{"model", how.model}, {"messages", std::move(messages)}};
  if (!system.empty())
    out["system"] = system;
  for (const auto& tool : request.tools())
    out["tools"].push_back({{"name", tool.name()},
                            {"description", tool.description()},
                            {"input_schema", parameters_schema(tool)}});
  out["max_tokens"] = request.max_output_tokens() != 0
                          ? request.max_output_tokens()
                      : how.output_tokens != 0 ? how.output_tokens
                                               : output_tokens_default;
  add_choices(out, request, how);
  if (request.stream())
    out["stream"] = true;
  return out;
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
    auto object = parse_object(what.data);
    if (!object)
      return tl::unexpected<error>(object.error());
    auto type = text_at(*object, "type");
    if (type == "error")
      return tl::unexpected<error>(stream_error(*object));
    if (type == "message_start") {
      take_usage(object_at(object_at(*object, "message"), "usage"));
    } else if (type == "content_block_start") {
      return begin_block(count_at(*object, "index"),
                         object_at(*object, "content_block"));
    } else if (type == "content_block_delta") {
      return grow_block(count_at(*object, "index"),
                        object_at(*object, "delta"));
    } else if (type == "message_delta") {
      take_stop(object_at(*object, "delta"));
      take_usage(object_at(*object, "usage"));
    } else if (type == "message_stop") {
      done_ = true;
    }
    // `ping` and what later versions add is passed over, as documented.
    return {};
  }

  result<void> body(std::string_view text) override {
    auto object = parse_object(text);
    if (!object)
      return tl::unexpected<error>(object.error());
    if (object->contains("error"))
      return tl::unexpected<error>(stream_error(*object));
    take_stop(*object);
    take_usage(object_at(*object, "usage"));
    auto content = object->find("content");
    if (content == object->end() || !content->is_array())
      return fail(errc::failed, "upstream answered without content", true);
    std::int64_t index = 0;
    for (const auto& block : *content) {
      if (!block.is_object())
        return fail(errc::failed, "upstream sent a block that is no object",
                    true);
      if (auto ok = begin_block(index++, block); !ok)
        return ok;
    }
    done_ = true;
    return {};
  }

  result<remote::LlmResponse> finish() override {
    if (!done_)
      return fail(errc::unavailable, "the answer was cut", true);
    remote::LlmResponse answer;
    auto& message = *answer.mutable_message();
    message.set_role(ChatMessage::ASSISTANT);
    message.set_text(text_);
    for (auto& [block, one] : calls_) {
      auto& call = one.call;
      // A call without arguments streams none at all.
      if (call.arguments_json().empty())
        call.set_arguments_json("{}");
      *message.add_tool_calls() = call;
    }
    complete_usage(usage_, question_tokens_, message);
    *answer.mutable_usage() = usage_;
    answer.set_stop_sequence(stop_sequence_);
    answer.set_finish_reason(stop_ == "max_tokens"           ? "length"
                             : stop_ == "refusal"            ? "content_filter"
                             : message.tool_calls_size() > 0 ? "tool_calls"
                                                             : "stop");
    return answer;
  }

private:
  result<void> begin_block(std::int64_t index, const json& block) {
    auto type = text_at(block, "type");
    if (type == "text") {
      add_text(text_at(block, "text"));
    } else if (type == "tool_use") {
      if (index < 0 || calls_.size() >= tool_calls_max)
        return fail(errc::failed, "upstream asked for too many tool calls",
                    true);
      auto position = static_cast<std::uint32_t>(calls_.size());
      auto& [call, at] = calls_.try_emplace(index).first->second;
      at = position;
      call.set_id(text_at(block, "id").substr(0, tool_name_max));
      call.set_name(text_at(block, "name").substr(0, tool_name_max));
      // In a stream the input is empty here and comes in pieces.
      if (auto input = block.find("input");
          input != block.end() && !input->empty())
        call.set_arguments_json(dump(*input));
      remote::ToolCallDelta delta;
      delta.set_index(at);
      delta.set_id(call.id());
      delta.set_name(call.name());
      delta.set_arguments(call.arguments_json());
      came(std::move(delta));
    }
    return {};
  }

  result<void> grow_block(std::int64_t index, const json& delta) {
    auto type = text_at(delta, "type");
    if (type == "text_delta")
      add_text(text_at(delta, "text"));
    if (type != "input_json_delta")
      return {};
    auto at = calls_.find(index);
    if (at == calls_.end())
      return fail(errc::failed, "upstream sent arguments of no tool call",
                  true);
    auto& [call, position] = at->second;
    remote::ToolCallDelta piece;
    piece.set_index(position);
    piece.set_arguments(text_at(delta, "partial_json"));
    *call.mutable_arguments_json() += piece.arguments();
    came(std::move(piece));
    return {};
  }

  void add_text(const std::string& text) {
    if (text.empty())
      return;
    text_ += text;
    came(text);
  }

  void take_stop(const json& object) {
    if (auto reason = text_at(object, "stop_reason"); !reason.empty())
      stop_ = reason;
    if (auto met = text_at(object, "stop_sequence"); !met.empty())
      stop_sequence_ = met;
  }

  /// Here the input is told without what came from or went to the cache.
  void take_usage(const json& usage) {
    if (auto n = count_at(usage, "cache_read_input_tokens"); n >= 0)
      usage_.set_cache_read_tokens(n);
    if (auto n = count_at(usage, "cache_creation_input_tokens"); n >= 0)
      usage_.set_cache_write_tokens(n);
    if (auto n = count_at(usage, "input_tokens"); n >= 0)
      usage_.set_input_tokens(n + usage_.cache_read_tokens()
                              + usage_.cache_write_tokens());
    if (auto n = count_at(usage, "output_tokens"); n >= 0)
      usage_.set_output_tokens(n);
  }

  /// `position` counts calls alone, as deltas do.
  struct tool_use {
    remote::ToolCall call;
    std::uint32_t position = 0;
  };

  const std::int64_t question_tokens_;
  std::string text_;
  std::string stop_;
  std::string stop_sequence_;
  bool done_ = false;
  std::map<std::int64_t, tool_use> calls_; ///< By block.
  remote::TokenUsage usage_;
};

class anthropic final : public wire_format {
public:
  wire_request write(const remote::LlmRequest& request,
                     const wire_options& how) const override {
    wire_request out;
    out.path = "/v1/messages";
    out.headers.emplace_back("anthropic-version", "2023-06-01");
    if (!how.api_key.empty())
      out.headers.emplace_back("x-api-key", how.api_key);
    out.body = dump(request_json(request, how));
    return out;
  }

  std::unique_ptr<answer_reader>
  read(const remote::LlmRequest& request) const override {
    return std::make_unique<reader>(request);
  }
};

} // namespace

const wire_format& anthropic_wire() {
  static const anthropic format;
  return format;
}

} // namespace shannon::llm
