// Anthropic's messages.

#include "actors/gateway/openai/writers.hpp"
#include "actors/gateway/text/answers.hpp"
#include "actors/gateway/text/json_text.hpp"

#include <optional>
#include <utility>

namespace shannon::gateway::chat {

namespace {

using std::string;
using std::string_view;

json_out usage_json(const remote::TokenUsage& usage) {
  // Here the input is told without what came from or went to the cache.
  json_out all;
  all["input_tokens"] = usage.input_tokens() - usage.cache_read_tokens()
                        - usage.cache_write_tokens();
  all["cache_creation_input_tokens"] = usage.cache_write_tokens();
  all["cache_read_input_tokens"] = usage.cache_read_tokens();
  all["output_tokens"] = usage.output_tokens();
  return all;
}

json_out stop_json(const remote::LlmResponse& answer) {
  const auto& reason = answer.finish_reason();
  json_out all;
  all["stop_reason"] = reason == "tool_calls"            ? "tool_use"
                       : reason == "length"              ? "max_tokens"
                       : reason == "content_filter"      ? "refusal"
                       : !answer.stop_sequence().empty() ? "stop_sequence"
                                                         : "end_turn";
  all["stop_sequence"] = nullptr;
  if (!answer.stop_sequence().empty())
    all["stop_sequence"] = answer.stop_sequence();
  return all;
}

json_out content_json(const remote::ChatMessage& message) {
  auto blocks = json_out::array();
  if (!message.text().empty()) {
    json_out block;
    block["type"] = "text";
    block["text"] = message.text();
    blocks.push_back(std::move(block));
  }
  for (const auto& call : message.tool_calls()) {
    json_out block;
    block["type"] = "tool_use";
    block["id"] = call.id();
    block["name"] = call.name();
    // A model may have written what is no object: its client gets an empty one.
    auto input = json_out::parse(call.arguments_json(), nullptr, false);
    block["input"] = input.is_object() ? std::move(input) : json_out::object();
    blocks.push_back(std::move(block));
  }
  return blocks;
}

class writer final : public answer_writer {
public:
  explicit writer(answer_head head) : head_(std::move(head)) {}

  http_response whole(const remote::LlmResponse& answer) override {
    auto all = message_json(content_json(answer.message()));
    all.update(stop_json(answer));
    all["usage"] = usage_json(answer.usage());
    return json_answer(200, all);
  }

  http_response refused(const error& why) override {
    return refusal(dialect::anthropic, why);
  }

  string begin() override {
    auto message = message_json(json_out::array());
    message["stop_reason"] = nullptr;
    message["stop_sequence"] = nullptr;
    // Nobody knows it yet; the end tells it.
    message["usage"] = usage_json({});
    return frame("message_start", "\"message\":" + go_text(message));
  }

  string text(string_view piece) override {
    string all;
    if (!in_text_) {
      all = close_block();
      in_text_ = true;
      all += start_block("{\"type\":\"text\",\"text\":\"\"}");
    }
    return all
           += delta("\"type\":\"text_delta\",\"text\":" + json_string(piece));
  }

  string call(const remote::ToolCallDelta& piece) override {
    string all;
    if (in_call_ != piece.index()) {
      all = close_block();
      in_call_ = piece.index();
      all += start_block(
          "{\"type\":\"tool_use\",\"id\":" + json_string(piece.id())
          + ",\"name\":" + json_string(piece.name()) + ",\"input\":{}}");
    }
    if (!piece.arguments().empty())
      all += delta("\"type\":\"input_json_delta\",\"partial_json\":"
                   + json_string(piece.arguments()));
    return all;
  }

  string keepalive() override {
    return "event: ping\ndata: {\"type\":\"ping\"}\n\n";
  }

  string end(const remote::LlmResponse& answer) override {
    return close_block()
           + frame("message_delta",
                   "\"delta\":" + go_text(stop_json(answer))
                       + ",\"usage\":" + go_text(usage_json(answer.usage())))
           + "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
  }

  string broke(const error& why) override {
    return "event: error\ndata: " + error_object(dialect::anthropic, why)
           + "\n\n";
  }

private:
  json_out message_json(json_out content) const {
    json_out all;
    all["id"] = head_.id;
    all["type"] = "message";
    all["role"] = "assistant";
    all["model"] = head_.model;
    all["content"] = std::move(content);
    return all;
  }

  static string frame(string_view type, string_view rest) {
    string all = "event: ";
    all += type;
    all += "\ndata: {\"type\":\"";
    all += type;
    all += "\",";
    all += rest;
    return all += "}\n\n";
  }

  string start_block(string_view block) {
    open_ = true;
    return frame("content_block_start",
                 "\"index\":" + std::to_string(index_)
                     + ",\"content_block\":" + string{block});
  }

  string delta(string_view inside) const {
    return frame("content_block_delta", "\"index\":" + std::to_string(index_)
                                            + ",\"delta\":{" + string{inside}
                                            + "}");
  }

  string close_block() {
    in_text_ = false;
    in_call_.reset();
    if (!std::exchange(open_, false))
      return {};
    return frame("content_block_stop", "\"index\":" + std::to_string(index_++));
  }

  answer_head head_;
  std::uint32_t index_ = 0;
  bool open_ = false;
  bool in_text_ = false;
  std::optional<std::uint32_t> in_call_;
};

} // namespace

std::unique_ptr<answer_writer> messages_writer(answer_head head) {
  return std::make_unique<writer>(std::move(head));
}

} // namespace shannon::gateway::chat
