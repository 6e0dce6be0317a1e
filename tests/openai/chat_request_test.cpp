#include "actors/gateway/openai/chat_request.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::gateway;
using namespace shannon::gateway::chat;
using remote::ChatMessage;

namespace {

result<chat_request> read(const char* body) {
  return read_chat(json_in::parse(body));
}

std::string why(const char* body) {
  auto got = read(body);
  REQUIRE(!got);
  CHECK(got.error().code == errc::invalid_argument);
  return got.error().text;
}

/// A request with these fields beside one message.
std::string with(const std::string& fields) {
  return R"({"messages": [{"role": "user", "content": "hi"}], )" + fields + "}";
}

} // namespace

TEST_CASE("a chat request keeps who said what, and tool calls with results") {
  auto got = read(R"({"model": "m", "messages": [
    {"role": "system", "content": "Be brief."},
    {"role": "developer", "content": [{"type": "text", "text": "Really."}]},
    {"role": "user", "content": [{"type": "text", "text": "a"},
      {"type": "text", "text": "b"},
      {"type": "image_url", "image_url": {"url": "https://x.org/a.png",
        "detail": "low"}},
      {"type": "image_url", "image_url": "data:image/png;base64,AAAA"},
      {"type": "file", "file": {"filename": "p.pdf",
        "file_data": "data:application/pdf;base64,BBBB"}}]},
    {"role": "assistant", "content": null, "tool_calls": [{"id": "c1",
      "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "42"}]})");
  REQUIRE(got);
  const auto& call = got->call;
  REQUIRE(call.messages_size() == 5);
  CHECK(call.model() == "m");
  CHECK(call.messages(0).role() == ChatMessage::SYSTEM);
  CHECK(call.messages(1).role() == ChatMessage::SYSTEM);
  CHECK(call.messages(1).text() == "Really.");
  CHECK(call.messages(2).text() == "a\nb");
  REQUIRE(call.messages(2).attachments_size() == 3);
  CHECK(call.messages(2).attachments(0).url() == "https://x.org/a.png");
  CHECK(call.messages(2).attachments(1).media_type() == "image/png");
  CHECK(call.messages(2).attachments(1).data_base64() == "AAAA");
  CHECK(call.messages(2).attachments(2).name() == "p.pdf");
  CHECK(call.messages(3).tool_calls(0).name() == "f");
  CHECK(call.messages(4).role() == ChatMessage::TOOL);
  CHECK(call.messages(4).tool_call_id() == "c1");
}

TEST_CASE("a stop is a string or a list of strings") {
  CHECK(read(with(R"("stop": "END")").c_str())->call.stop(0) == "END");
  auto list = read(with(R"("stop": ["a", "b", ""])").c_str());
  REQUIRE(list);
  CHECK(list->call.stop_size() == 2);
  CHECK(list->call.stop(1) == "b");
  CHECK(read(with(R"("stop": null)").c_str())->call.stop_size() == 0);
  CHECK(why(with(R"("stop": 7)").c_str())
        == "Invalid request body: stop must be a string or a list of strings, "
           "not number");
  CHECK(why(with(R"("stop": ["1","2","3","4","5","6","7","8","9","10","11",
    "12","13","14","15","16","17"])")
                .c_str())
        == "Invalid request body: stop holds 17 items, at most 16");
}

TEST_CASE("numbers that a client chose are kept, a zero too") {
  auto got = read(with(R"("temperature": 0, "top_p": 1, "seed": -5,
    "presence_penalty": -2, "frequency_penalty": 0.5, "max_tokens": 7,
    "stream": true, "stream_options": {"include_usage": true},
    "reasoning_effort": "low", "n": 3, "user": "u", "logit_bias": {})")
                      .c_str());
  REQUIRE(got);
  const auto& call = got->call;
  CHECK(call.has_temperature());
  CHECK(call.temperature() == 0);
  CHECK(call.top_p() == 1);
  CHECK(call.seed() == -5);
  CHECK(call.presence_penalty() == -2);
  CHECK(call.frequency_penalty() == 0.5);
  CHECK(call.max_output_tokens() == 7);
  CHECK(call.reasoning_effort() == "low");
  CHECK(call.stream());
  CHECK(got->include_usage);
  auto plain
      = read(with(R"("max_completion_tokens": 9, "max_tokens": 7)").c_str());
  CHECK(plain->call.max_output_tokens() == 9);
  CHECK(!plain->call.has_temperature());
  CHECK(!plain->call.stream());
}

TEST_CASE("tools and the choice among them") {
  auto tools = std::string{R"("tools": [{"type": "function", "function":
    {"name": "f", "description": "d", "parameters": {"type": "object"}}}])"};
  auto got = read(with(tools + R"(, "tool_choice": "required",
    "parallel_tool_calls": false)")
                      .c_str());
  REQUIRE(got);
  REQUIRE(got->call.tools_size() == 1);
  CHECK(got->call.tools(0).parameters_json() == R"({"type":"object"})");
  CHECK(got->call.tool_choice() == "required");
  CHECK(got->call.single_tool_call());
  auto named = read(with(tools + R"(, "tool_choice": {"type": "function",
    "function": {"name": "f"}})")
                        .c_str());
  CHECK(named->call.tool_choice() == "tool/f");
  CHECK(!named->call.single_tool_call());
  CHECK(why(with(R"("tool_choice": "maybe")").c_str())
        == "Invalid tool_choice (allowed: auto, none, required, or a "
           "function)");
  CHECK(why(with(R"("tools": [{"type": "web_search"}])").c_str())
        == "Invalid request body: tools[0] must be of the type function");
}

TEST_CASE("the answer's form") {
  CHECK(read(with(R"("response_format": {"type": "json_object"})").c_str())
            ->call.json_object());
  CHECK(read(with(R"("response_format": {"type": "json_schema",
    "json_schema": {"name": "s"}})")
                 .c_str())
            ->call.json_schema()
        == R"({"name":"s"})");
  CHECK(why(with(R"("response_format": {"type": "xml"})").c_str())
        == "Invalid response_format.type (allowed: text, json_object, "
           "json_schema)");
}

TEST_CASE("shannon_options become the task's context") {
  auto got = read(with(R"("shannon_options": {"context": {"a": 1},
    "agent": "x", "agent_input": {"k": 2}, "role": "r",
    "research_strategy": "deep", "model_tier": "small"})")
                      .c_str());
  REQUIRE(got);
  CHECK(got->options
        == json_in::parse(R"({"a": 1, "agent": "x", "agent_input": {"k": 2},
             "role": "r", "research_strategy": "deep",
             "model_tier": "small"})"));
}

TEST_CASE("a chat request that is wrong is refused and its field named") {
  CHECK(why("{}") == "messages array is required");
  CHECK(why(R"({"messages": []})") == "messages array is required");
  CHECK(why(R"({"messages": [{"role": "system", "content": "s"}]})")
        == "no user message found in messages array");
  CHECK(why(R"({"messages": "hi"})")
        == "Invalid request body: messages must be a list, not string");
  CHECK(why(R"({"messages": [7]})")
        == "Invalid request body: messages[0] must be an object, not number");
  CHECK(why(R"({"messages": [{"role": "robot", "content": "x"}]})")
        == "Invalid request body: messages[0].role: robot (allowed: system, "
           "developer, user, assistant, tool)");
  CHECK(why(R"({"messages": [{"role": "user", "content": [{"type":
        "input_audio"}]}]})")
        == "Invalid request body: messages[0].content[0].type: input_audio "
           "(allowed: text, image_url, file)");
  CHECK(why(R"({"messages": [{"role": "user", "content": 5}]})")
        == "Invalid request body: messages[0].content must be a string, not "
           "number");
  CHECK(why(with(R"("temperature": 2.5)").c_str())
        == "temperature out of range (0..2)");
  CHECK(why(with(R"("max_tokens": 0)").c_str())
        == "max_tokens out of range (1..1000000)");
  CHECK(why(with(R"("stream": "yes")").c_str())
        == "Invalid request body: stream must be a boolean, not string");
}

TEST_CASE("an attachment that cannot be read is an attachment error") {
  auto of = [](const char* url) {
    return why((R"({"messages": [{"role": "user", "content": [{"type":
      "image_url", "image_url": {"url": ")"
                + std::string{url} + R"("}}]}]})")
                   .c_str());
  };
  const std::string where
      = "Attachment error: messages[0].content[0].image_url";
  CHECK(of("file:///etc/passwd")
        == where + " must be an http, https or data address");
  CHECK(of("data:image/png,plain") == where + " must be coded in base64");
  CHECK(of("data:;base64,AAAA") == where + " does not name its media type");
}

TEST_CASE("a request to /v1/completions names a tier or a model") {
  auto body = json_in::parse(with(R"("model_tier": "large")"));
  auto got = read_completions(body);
  REQUIRE(got);
  CHECK(got->call.tier() == "large");
  CHECK(got->call.model().empty());
  CHECK(got->call.temperature() == 0.7);
  CHECK(got->call.max_output_tokens() == 8192);
  auto named = read_completions(
      json_in::parse(with(R"("specific_model": "m", "max_tokens": 5)")));
  CHECK(named->call.model() == "m");
  CHECK(named->call.tier() == "small");
  CHECK(named->call.max_output_tokens() == 5);
  CHECK(read_completions(json_in::parse(with(R"("max_tokens": 32001)")))
            .error()
            .text
        == "max_tokens out of range (1..32000)");
}
