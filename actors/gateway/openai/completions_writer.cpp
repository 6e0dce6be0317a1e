// The reference platform's own /v1/completions.

#include "actors/gateway/openai/writers.hpp"
#include "actors/gateway/text/answers.hpp"
#include "actors/gateway/text/json_text.hpp"

namespace shannon::gateway::chat {

namespace {

using std::string;
using std::string_view;

json_out usage_json(const remote::TokenUsage& usage) {
  json_out all;
  all["input_tokens"] = usage.input_tokens();
  all["output_tokens"] = usage.output_tokens();
  all["total_tokens"] = usage.input_tokens() + usage.output_tokens();
  all["cost_usd"] = static_cast<double>(usage.cost_nanousd()) / 1e9;
  all["cache_read_tokens"] = usage.cache_read_tokens();
  all["cache_creation_tokens"] = usage.cache_write_tokens();
  all["call_sequence"] = 1;
  return all;
}

json_out call_json(const remote::ToolCall& call) {
  json_out all;
  all["name"] = call.name();
  // As an object where it is one; else as the model wrote it.
  auto arguments = json_out::parse(call.arguments_json(), nullptr, false);
  if (arguments.is_object())
    all["arguments"] = std::move(arguments);
  else
    all["arguments"] = call.arguments_json();
  return all;
}

/// `function_call` is the first of `tool_calls`, or null.
void add_calls(json_out& all, const remote::ChatMessage& message) {
  all["function_call"] = nullptr;
  if (message.tool_calls_size() == 0)
    return;
  all["function_call"] = call_json(message.tool_calls(0));
  for (const auto& call : message.tool_calls()) {
    auto line = call_json(call);
    line["id"] = call.id();
    line["type"] = "function";
    all["tool_calls"].push_back(std::move(line));
  }
}

string frame(const json_out& data) {
  return "data: " + go_text(data) + "\n\n";
}

class writer final : public answer_writer {
public:
  explicit writer(answer_head head) : head_(std::move(head)) {}

  http_response whole(const remote::LlmResponse& answer) override {
    json_out all;
    all["provider"] = answer.provider();
    all["model"] = answer.model();
    all["output_text"] = answer.message().text();
    all["usage"] = usage_json(answer.usage());
    all["finish_reason"] = answer.finish_reason();
    add_calls(all, answer.message());
    all["request_id"] = head_.id;
    all["latency_ms"] = answer.duration_us() / 1'000;
    all["cached"] = false;
    return json_answer(200, all);
  }

  http_response refused(const error& why) override {
    return refusal(dialect::completions, why);
  }

  string begin() override {
    return {};
  }

  string text(string_view piece) override {
    return "data: {\"type\":\"content_delta\",\"text\":" + json_string(piece)
           + "}\n\n";
  }

  /// All of them stand in the end.
  string call(const remote::ToolCallDelta&) override {
    return {};
  }

  string keepalive() override {
    return ": keepalive\n\n";
  }

  string end(const remote::LlmResponse& answer) override {
    json_out all;
    all["type"] = "done";
    all["output_text"] = answer.message().text();
    all["provider"] = answer.provider();
    all["model"] = answer.model();
    all["usage"] = usage_json(answer.usage());
    all["finish_reason"] = answer.finish_reason();
    add_calls(all, answer.message());
    return frame(all) + "data: [DONE]\n\n";
  }

  string broke(const error& why) override {
    json_out all;
    all["type"] = "error";
    all["message"] = why.text;
    return frame(all) + "data: [DONE]\n\n";
  }

private:
  answer_head head_;
};

} // namespace

std::unique_ptr<answer_writer> completions_writer(answer_head head) {
  return std::make_unique<writer>(std::move(head));
}

} // namespace shannon::gateway::chat
