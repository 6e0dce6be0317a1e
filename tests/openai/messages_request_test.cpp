#include "actors/gateway/openai/chat_request.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::gateway;
using namespace shannon::gateway::chat;
using remote::ChatMessage;

namespace {

result<chat_request> read(const std::string& body) {
  return read_messages(json_in::parse(body));
}

std::string why(const std::string& body) {
  auto got = read(body);
  REQUIRE(!got);
  CHECK(got.error().code == errc::invalid_argument);
  return got.error().text;
}

std::string with(const std::string& fields) {
  return R"({"model": "m", "max_tokens": 10, "messages": [{"role": "user",
    "content": "hi"}], )"
         + fields + "}";
}

} // namespace

TEST_CASE(
    "Anthropic's blocks become messages, a tool's result one of its own") {
  auto got = read(R"({"model": "m", "max_tokens": 100, "stream": true,
    "system": [{"type": "text", "text": "a"}, {"type": "text", "text": "b",
      "cache_control": {"type": "ephemeral"}}],
    "messages": [
      {"role": "user", "content": [{"type": "text", "text": "look"},
        {"type": "image", "source": {"type": "base64",
          "media_type": "image/png", "data": "AAAA"}},
        {"type": "document", "title": "t", "source": {"type": "url",
          "url": "https://x.org/p.pdf"}}]},
      {"role": "assistant", "content": [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "I call."},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"x": 1}},
        {"type": "tool_use", "id": "t2", "name": "g", "input": {}}]},
      {"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "t1", "content": "42"},
        {"type": "tool_result", "tool_use_id": "t2", "is_error": true,
         "content": [{"type": "text", "text": "bad"}]},
        {"type": "text", "text": "go on"}]}]})");
  REQUIRE(got);
  const auto& call = got->call;
  REQUIRE(call.messages_size() == 6);
  CHECK(call.stream());
  CHECK(call.max_output_tokens() == 100);
  CHECK(call.messages(0).role() == ChatMessage::SYSTEM);
  CHECK(call.messages(0).text() == "a\nb");
  REQUIRE(call.messages(1).attachments_size() == 2);
  CHECK(call.messages(1).attachments(0).data_base64() == "AAAA");
  CHECK(call.messages(1).attachments(1).media_type() == "application/pdf");
  CHECK(call.messages(1).attachments(1).url() == "https://x.org/p.pdf");
  CHECK(call.messages(2).role() == ChatMessage::ASSISTANT);
  CHECK(call.messages(2).text() == "I call.");
  REQUIRE(call.messages(2).tool_calls_size() == 2);
  CHECK(call.messages(2).tool_calls(0).arguments_json() == R"({"x":1})");
  CHECK(call.messages(3).role() == ChatMessage::TOOL);
  CHECK(call.messages(3).tool_call_id() == "t1");
  CHECK(call.messages(3).text() == "42");
  CHECK(call.messages(4).is_error());
  CHECK(call.messages(4).text() == "bad");
  CHECK(call.messages(5).role() == ChatMessage::USER);
  CHECK(call.messages(5).text() == "go on");
}

TEST_CASE("Anthropic's choices") {
  auto got = read(with(R"("temperature": 0, "top_p": 0.5, "top_k": 40,
    "stop_sequences": ["END"], "metadata": {"user_id": "u"},
    "tools": [{"name": "f", "description": "d",
      "input_schema": {"type": "object"}}],
    "tool_choice": {"type": "tool", "name": "f",
      "disable_parallel_tool_use": true})"));
  REQUIRE(got);
  const auto& call = got->call;
  CHECK(call.has_temperature());
  CHECK(call.top_p() == 0.5);
  CHECK(call.stop(0) == "END");
  CHECK(call.tools(0).name() == "f");
  CHECK(call.tool_choice() == "tool/f");
  CHECK(call.single_tool_call());
  CHECK(read(with(R"("tool_choice": {"type": "any"})"))->call.tool_choice()
        == "required");
}

TEST_CASE("a request for messages that is wrong is refused and named") {
  CHECK(why("{}") == "model: Field required");
  CHECK(why(R"({"model": "m"})") == "max_tokens: Field required");
  CHECK(why(R"({"model": "m", "max_tokens": 1, "messages": []})")
        == "messages: at least one message is required");
  CHECK(why(R"({"model": "m", "max_tokens": 1,
          "messages": [{"role": "system", "content": "x"}]})")
        == "Invalid request body: messages[0].role: system (allowed: user, "
           "assistant)");
  CHECK(why(R"({"model": "m", "max_tokens": 1, "messages": [{"role": "user",
          "content": [{"type": "search_result"}]}]})")
        == "Invalid request body: messages[0].content[0].type: search_result "
           "(allowed: text, image, document, tool_use, tool_result, thinking)");
  CHECK(why(with(R"("tools": [{"type": "web_search_20250305",
          "name": "web_search"}])"))
        == "tools[0].type: web_search_20250305 is not served here; send tools "
           "of your own");
  CHECK(why(with(R"("temperature": 1.5)"))
        == "temperature out of range (0..1)");
}
