#include "actors/llm/wire/upstream_error.hpp"
#include "actors/llm/wire/wire_format.hpp"
#include "tests/llm/requests.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <random>

using namespace shannon;
using namespace shannon::llm;
using nlohmann::json;
using remote::ChatMessage;

namespace {

std::vector<sse_event> parse(std::string_view stream, std::size_t step) {
  sse_parser parser{1000};
  std::vector<sse_event> out;
  for (std::size_t at = 0; at < stream.size(); at += step)
    REQUIRE(parser.feed(stream.substr(at, step), out));
  return out;
}

/// Feeds a whole stream as an upstream would send it.
result<remote::LlmResponse> read_stream(const wire_format& wire,
                                        std::string_view stream,
                                        std::string* text = nullptr) {
  auto reader = wire.read(test::conversation_request());
  for (const auto& event : parse(stream, 7)) {
    auto ok = reader->event(event);
    if (!ok)
      return tl::unexpected<error>(ok.error());
    if (text)
      *text += reader->take_text();
  }
  return reader->finish();
}

result<remote::LlmResponse> read_body(const wire_format& wire,
                                      std::string_view body) {
  auto reader = wire.read(test::conversation_request());
  auto ok = reader->body(body);
  if (!ok)
    return tl::unexpected<error>(ok.error());
  return reader->finish();
}

} // namespace

// -- server-sent events -------------------------------------------------------

TEST_CASE("an event stream reads the same however it is cut") {
  const std::string stream = "\xEF\xBB\xBF: comment\r\n\r\n"
                             "event: a\r\ndata: one\r\n\r\n"
                             "data:two\ndata: three\nid: 7\n\n"
                             "event: empty\n\n"
                             "data\r\rdata:  four\r\n\n"
                             "data: never finished\n";
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    auto got = parse(stream, step);
    INFO("step " << step);
    REQUIRE(got.size() == 4);
    CHECK(got[0].name == "a");
    CHECK(got[0].data == "one");
    CHECK(got[1].name.empty());
    CHECK(got[1].data == "two\nthree");
    CHECK(got[2].data.empty());
    CHECK(got[3].data == " four");
  }
}

TEST_CASE("an event stream of any bytes neither crashes nor grows") {
  std::minstd_rand chance{42};
  for (int round = 0; round < 200; ++round) {
    std::string bytes;
    for (int i = 0; i < 500; ++i)
      bytes += "\r\n:data event\x00\xff"[chance() % 14];
    auto whole = parse(bytes, bytes.size());
    auto cut = parse(bytes, 1 + chance() % 9);
    REQUIRE(whole.size() == cut.size());
    for (std::size_t i = 0; i < whole.size(); ++i)
      CHECK(whole[i].data == cut[i].data);
  }
}

TEST_CASE("an event over the limit is refused, in one line or in many") {
  std::vector<sse_event> out;
  sse_parser one{100};
  CHECK(!one.feed("data: " + std::string(100, 'x'), out));
  sse_parser many{100};
  result<void> last;
  for (int i = 0; i < 20 && last; ++i)
    last = many.feed("data: 0123456789\n", out);
  CHECK(!last);
  CHECK(out.empty());
}

// -- OpenAI -------------------------------------------------------------------

TEST_CASE("a request in OpenAI's words") {
  wire_options how;
  how.model = "m";
  how.api_key = "secret";
  auto got = openai_wire().write(test::conversation_request(), how);
  CHECK(got.path == "/chat/completions");
  CHECK(got.headers
        == std::vector<std::pair<std::string, std::string>>{
            {"Authorization", "Bearer secret"}});
  CHECK(json::parse(got.body) == json::parse(R"({
    "model": "m", "max_tokens": 500, "temperature": 0.5,
    "response_format": {"type": "json_object"},
    "stream": true, "stream_options": {"include_usage": true},
    "messages": [
      {"role": "system", "content": "Be brief."},
      {"role": "user", "content": "What is 6 * 7?"},
      {"role": "assistant", "content": null, "tool_calls": [
        {"id": "call_1", "type": "function", "function":
          {"name": "calculator", "arguments": "{\"expression\":\"6*7\"}"}},
        {"id": "call_2", "type": "function", "function":
          {"name": "calculator", "arguments": "{}"}}]},
      {"role": "tool", "tool_call_id": "call_1", "content": "42"},
      {"role": "tool", "tool_call_id": "call_2", "content": "Error: bad"}],
    "tools": [{"type": "function", "function": {"name": "calculator",
      "description": "Computes.", "parameters": {"type": "object",
      "properties": {"expression": {"type": "string"}}}}}]})"));
}

TEST_CASE("newer OpenAI models are asked in their own way") {
  wire_options how;
  how.completion_tokens = true;
  how.fixed_temperature = true;
  auto body = json::parse(
      openai_wire().write(test::conversation_request(), how).body);
  CHECK(body["max_completion_tokens"] == 500);
  CHECK(!body.contains("max_tokens"));
  CHECK(!body.contains("temperature"));
  CHECK(openai_wire().write({}, how).headers.empty());
}

TEST_CASE("invalid UTF-8 in a message does not stop a request") {
  remote::LlmRequest request;
  test::add(request, ChatMessage::USER,
            "a\xff"
            "b");
  for (const auto* wire : {&openai_wire(), &anthropic_wire()})
    CHECK(json::accept(wire->write(request, {}).body));
}

TEST_CASE("a whole OpenAI answer") {
  auto got = read_body(openai_wire(), R"({"choices": [{"index": 0,
    "message": {"role": "assistant", "content": "42"},
    "finish_reason": "stop"}], "usage": {"prompt_tokens": 12,
    "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 8}}})");
  REQUIRE(got);
  CHECK(got->message().text() == "42");
  CHECK(got->message().role() == ChatMessage::ASSISTANT);
  CHECK(got->finish_reason() == "stop");
  CHECK(got->usage().input_tokens() == 12);
  CHECK(got->usage().output_tokens() == 3);
  CHECK(got->usage().cache_read_tokens() == 8);
}

TEST_CASE("an OpenAI stream with text and parallel tool calls") {
  std::string text;
  auto got = read_stream(
      openai_wire(),
      R"(data: {"choices":[{"delta":{"role":"assistant","content":""}}]}

data: {"choices":[{"delta":{"content":"Let me "}}]}

data: {"choices":[{"delta":{"content":"see."}}]}

data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"calculator","arguments":""}}]}}]}

data: {"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"file_read","arguments":"{\"pa"}}]}}]}

data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"expression\":\"1+1\"}"}}]}}]}

data: {"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"arguments":"th\":\"x\"}"}}]}}]}

data: {"choices":[{"delta":{},"finish_reason":"tool_calls"}]}

data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}}

data: [DONE]

)",
      &text);
  REQUIRE(got);
  CHECK(text == "Let me see.");
  CHECK(got->message().text() == "Let me see.");
  REQUIRE(got->message().tool_calls_size() == 2);
  CHECK(got->message().tool_calls(0).id() == "a");
  CHECK(got->message().tool_calls(0).arguments_json()
        == R"({"expression":"1+1"})");
  CHECK(got->message().tool_calls(1).name() == "file_read");
  CHECK(got->message().tool_calls(1).arguments_json() == R"({"path":"x"})");
  CHECK(got->finish_reason() == "tool_calls");
  CHECK(got->usage().input_tokens() == 9);
}

TEST_CASE("an answer that ends before it is whole is retryable") {
  auto openai = read_stream(
      openai_wire(),
      "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n");
  auto anthropic = read_stream(
      anthropic_wire(),
      "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
      "\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n");
  for (const auto& got : {openai, anthropic}) {
    REQUIRE(!got);
    CHECK(got.error().code == errc::unavailable);
    CHECK(got.error().retryable);
  }
}

TEST_CASE("usage that is missing or absurd is estimated") {
  for (const auto* usage :
       {"", R"(,"usage":null)", R"(,"usage":{"prompt_tokens":-5})",
        R"(,"usage":{"prompt_tokens":99999999999999999999})",
        R"(,"usage":{"prompt_tokens":"many"})"}) {
    auto got = read_body(
        openai_wire(),
        std::string{R"({"choices":[{"message":{"content":"12345678"}}])"}
            + usage + "}");
    INFO(usage);
    REQUIRE(got);
    CHECK(got->usage().output_tokens() == 2);
    CHECK(got->usage().input_tokens() > 5);
    CHECK(got->usage().input_tokens() < 1000);
  }
}

TEST_CASE("garbage in an answer is a failure and never a crash") {
  for (const auto* body :
       {"", "<html>", "[]", "null", "{}", R"({"choices":[]})",
        R"({"choices":[7]})", R"({"choices":{}})",
        R"({"choices":[{"message":{"tool_calls":[5]}}]})",
        R"({"choices":[{"delta":{"tool_calls":[{"index":1000000}]}}]})",
        R"({"error":{"message":"boom"}})", R"({"content":7})",
        R"({"content":[7]})", "{\"content\":[{\"type\":"}) {
    INFO(body);
    CHECK(!read_body(openai_wire(), body));
    CHECK(!read_body(anthropic_wire(), body));
    auto stream = "data: " + std::string{body} + "\n\n";
    CHECK(!read_stream(openai_wire(), stream));
    CHECK(!read_stream(anthropic_wire(), stream));
  }
}

TEST_CASE("half an answer, byte by byte, is never taken for a whole one") {
  const std::string body
      = R"({"choices":[{"message":{"content":"hello","tool_calls":[
        {"id":"x","function":{"name":"n","arguments":"{}"}}]}}]})";
  for (std::size_t n = 0; n < body.size(); ++n)
    CHECK(!read_body(openai_wire(), body.substr(0, n)));
  CHECK(read_body(openai_wire(), body));
}

// -- what clients of the gateway ask for --------------------------------------

namespace {

remote::LlmRequest chosen_request() {
  remote::LlmRequest request;
  auto& message = test::add(request, ChatMessage::USER, "Look.");
  auto& picture = *message.add_attachments();
  picture.set_media_type("image/png");
  picture.set_data_base64("AAAA");
  message.add_attachments()->set_url("https://example.org/cat.png");
  auto& paper = *message.add_attachments();
  paper.set_media_type("application/pdf");
  paper.set_data_base64("BBBB");
  paper.set_name("paper.pdf");
  request.add_tools()->set_name("look_up");
  request.set_tool_choice("tool/look_up");
  request.set_single_tool_call(true);
  request.set_temperature(0);
  request.set_top_p(0.5);
  request.set_presence_penalty(0.25);
  request.set_frequency_penalty(-0.25);
  request.set_seed(7);
  request.add_stop("END");
  request.add_stop("\n\n");
  request.set_json_schema(R"({"name": "s", "schema": {"type": "object"}})");
  request.set_reasoning_effort("low");
  return request;
}

} // namespace

TEST_CASE("what a client chose stands in OpenAI's request, a zero too") {
  CHECK(json::parse(openai_wire().write(chosen_request(), {}).body)
        == json::parse(R"({
    "model": "", "temperature": 0.0, "top_p": 0.5, "seed": 7,
    "presence_penalty": 0.25, "frequency_penalty": -0.25,
    "stop": ["END", "\n\n"], "reasoning_effort": "low",
    "tool_choice": {"type": "function", "function": {"name": "look_up"}},
    "parallel_tool_calls": false,
    "response_format": {"type": "json_schema", "json_schema":
      {"name": "s", "schema": {"type": "object"}}},
    "messages": [{"role": "user", "content": [
      {"type": "text", "text": "Look."},
      {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
      {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}},
      {"type": "file", "file": {"filename": "paper.pdf",
        "file_data": "data:application/pdf;base64,BBBB"}}]}],
    "tools": [{"type": "function", "function": {"name": "look_up",
      "description": "", "parameters":
        {"type": "object", "properties": {}}}}]})"));
}

TEST_CASE("what a client chose stands in Anthropic's request") {
  auto request = chosen_request();
  CHECK(json::parse(anthropic_wire().write(request, {}).body)
        == json::parse(R"({
    "model": "", "temperature": 0.0, "top_p": 0.5, "max_tokens": 4096,
    "stop_sequences": ["END", "\n\n"],
    "tool_choice": {"type": "tool", "name": "look_up",
      "disable_parallel_tool_use": true},
    "messages": [{"role": "user", "content": [
      {"type": "image", "source":
        {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
      {"type": "image", "source":
        {"type": "url", "url": "https://example.org/cat.png"}},
      {"type": "document", "source":
        {"type": "base64", "media_type": "application/pdf", "data": "BBBB"}},
      {"type": "text", "text": "Look."}]}],
    "tools": [{"name": "look_up", "description": "", "input_schema":
      {"type": "object", "properties": {}}}]})"));
  request.set_temperature(1.7);
  request.set_tool_choice("required");
  auto body = json::parse(anthropic_wire().write(request, {}).body);
  CHECK(body["temperature"] == 1.0);
  CHECK(body["tool_choice"]["type"] == "any");
}

TEST_CASE("tool calls of a stream are handed on piece by piece") {
  auto calls_of = [](const wire_format& wire, std::string_view stream) {
    auto reader = wire.read({});
    std::string all;
    for (const auto& event : parse(stream, 9)) {
      REQUIRE(reader->event(event));
      for (const auto& piece : reader->take_calls())
        all += std::to_string(piece.index()) + "|" + piece.id() + "|"
               + piece.name() + "|" + piece.arguments() + "\n";
    }
    return all;
  };
  CHECK(
      calls_of(
          openai_wire(),
          R"(data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"n","arguments":""}}]}}]}

data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]}}]}

data: {"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"m","arguments":"{}"}}]}}]}

)") == "0|a|n|\n0|||{\"x\"\n1|b|m|{}\n");
  // Blocks of text count for Anthropic; in deltas only calls do.
  CHECK(
      calls_of(
          anthropic_wire(),
          R"(data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":"t"}}

data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"a","name":"n","input":{}}}

data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"x\""}}

data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"b","name":"m","input":{}}}

)") == "0|a|n|\n0|||{\"x\"\n1|b|m|\n");
}

TEST_CASE("why an answer ended is told in one vocabulary") {
  auto reason = [](const wire_format& wire, std::string_view body) {
    auto got = read_body(wire, body);
    REQUIRE(got);
    return got->finish_reason() + "|" + got->stop_sequence();
  };
  CHECK(reason(openai_wire(), R"({"choices": [{"message": {"content": "a"},
    "finish_reason": "content_filter"}]})")
        == "content_filter|");
  CHECK(reason(anthropic_wire(), R"({"content": [], "stop_reason":
    "stop_sequence", "stop_sequence": "END"})")
        == "stop|END");
  CHECK(reason(anthropic_wire(), R"({"content": [], "stop_reason": "refusal"})")
        == "content_filter|");
}

// -- Anthropic ----------------------------------------------------------------

TEST_CASE("a request in Anthropic's words") {
  wire_options how;
  how.model = "m";
  how.api_key = "secret";
  auto got = anthropic_wire().write(test::conversation_request(), how);
  CHECK(got.path == "/v1/messages");
  CHECK(got.headers
        == std::vector<std::pair<std::string, std::string>>{
            {"anthropic-version", "2023-06-01"}, {"x-api-key", "secret"}});
  CHECK(json::parse(got.body) == json::parse(R"({
    "model": "m", "max_tokens": 500, "temperature": 0.5, "stream": true,
    "system": "Be brief.",
    "messages": [
      {"role": "user", "content": [{"type": "text", "text": "What is 6 * 7?"}]},
      {"role": "assistant", "content": [
        {"type": "tool_use", "id": "call_1", "name": "calculator",
         "input": {"expression": "6*7"}},
        {"type": "tool_use", "id": "call_2", "name": "calculator",
         "input": {}}]},
      {"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "call_1", "content": "42"},
        {"type": "tool_result", "tool_use_id": "call_2",
         "content": "Error: bad", "is_error": true}]}],
    "tools": [{"name": "calculator", "description": "Computes.",
      "input_schema": {"type": "object",
        "properties": {"expression": {"type": "string"}}}}]})"));
}

TEST_CASE("Anthropic's rules for turns are kept for any history") {
  remote::LlmRequest request;
  test::add(request, ChatMessage::ASSISTANT, "earlier");
  test::add(request, ChatMessage::ASSISTANT, "");
  test::add(request, ChatMessage::USER, "one");
  test::add(request, ChatMessage::USER, "two");
  auto body = json::parse(anthropic_wire().write(request, {}).body);
  REQUIRE(body["messages"].size() == 3);
  CHECK(body["messages"][0]["role"] == "user");
  CHECK(body["messages"][2]["content"].size() == 2);
  CHECK(body["max_tokens"] == 4096);
}

TEST_CASE("a whole Anthropic answer") {
  auto got = read_body(anthropic_wire(), R"({"type": "message", "content": [
    {"type": "text", "text": "I compute."},
    {"type": "tool_use", "id": "t1", "name": "calculator",
     "input": {"expression": "2^5"}}], "stop_reason": "tool_use",
    "usage": {"input_tokens": 10, "cache_read_input_tokens": 100,
              "cache_creation_input_tokens": 20, "output_tokens": 7}})");
  REQUIRE(got);
  CHECK(got->message().text() == "I compute.");
  REQUIRE(got->message().tool_calls_size() == 1);
  CHECK(got->message().tool_calls(0).arguments_json()
        == R"({"expression":"2^5"})");
  CHECK(got->finish_reason() == "tool_calls");
  CHECK(got->usage().input_tokens() == 130);
  CHECK(got->usage().cache_read_tokens() == 100);
  CHECK(got->usage().cache_write_tokens() == 20);
}

TEST_CASE("an Anthropic stream with text and a tool call") {
  std::string text;
  auto got = read_stream(anthropic_wire(), R"(event: message_start
data: {"type":"message_start","message":{"usage":{"input_tokens":25,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: ping
data: {"type":"ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hm."}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t1","name":"calculator","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"expression\":"}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"\"2+2\"}"}}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":15}}

event: message_stop
data: {"type":"message_stop"}

)",
                         &text);
  REQUIRE(got);
  CHECK(text == "Hm.");
  REQUIRE(got->message().tool_calls_size() == 1);
  CHECK(got->message().tool_calls(0).id() == "t1");
  CHECK(got->message().tool_calls(0).arguments_json()
        == R"({"expression":"2+2"})");
  CHECK(got->usage().input_tokens() == 25);
  CHECK(got->usage().output_tokens() == 15);
  CHECK(got->finish_reason() == "tool_calls");
}

TEST_CASE("an error inside a stream is retryable and tells its text") {
  auto got = read_stream(anthropic_wire(),
                         "event: error\ndata: {\"type\":\"error\",\"error\":"
                         "{\"type\":\"overloaded_error\",\"message\":"
                         "\"Overloaded\"}}\n\n");
  REQUIRE(!got);
  CHECK(got.error().retryable);
  CHECK(got.error().text.find("Overloaded") != std::string::npos);
}

// -- refusals -----------------------------------------------------------------

TEST_CASE("a status says what a refusal means") {
  struct row {
    int status;
    errc code;
    bool retryable;
  };
  for (auto [status, code, retryable] :
       {row{400, errc::invalid_argument, false}, row{401, errc::denied, false},
        row{403, errc::denied, false}, row{404, errc::not_found, false},
        row{408, errc::unavailable, true},
        row{413, errc::invalid_argument, false},
        row{422, errc::invalid_argument, false},
        row{429, errc::overloaded, true}, row{500, errc::unavailable, true},
        row{503, errc::unavailable, true}, row{529, errc::overloaded, true}}) {
    auto got = to_error(
        {"openai", status, R"({"error": {"message": "the\nreason"}})", "", ""},
        std::chrono::system_clock::now());
    CHECK(got.code == code);
    CHECK(got.retryable == retryable);
    CHECK(got.text
          == "openai answered " + std::to_string(status) + ": the reason");
  }
}

TEST_CASE("Retry-After is seconds or a date, bounded, or nothing") {
  using std::chrono::milliseconds;
  auto now = std::chrono::system_clock::from_time_t(1'700'000'000);
  CHECK(parse_retry_after("3", now) == milliseconds{3'000});
  CHECK(parse_retry_after("0.5", now) == milliseconds{500});
  CHECK(parse_retry_after("86400", now) == retry_after_max);
  CHECK(parse_retry_after("1e300", now) == retry_after_max);
  CHECK(parse_retry_after("Tue, 14 Nov 2023 22:13:30 GMT", now)
        == milliseconds{10'000});
  CHECK(parse_retry_after("Tue, 14 Nov 2000 22:13:30 GMT", now)
        == milliseconds{0});
  for (const auto* bad : {"", "soon", "-1", "nan", "3 s"})
    CHECK(!parse_retry_after(bad, now));
}

TEST_CASE("no key and no long page stands in an error") {
  auto now = std::chrono::system_clock::now();
  auto got = to_error({"openai", 401,
                       R"({"error":{"message":"bad key sk-abc*****xyz, )"
                       R"(my-key-1234"}})",
                       "", "my-key-1234"},
                      now);
  CHECK(got.text == "openai answered 401: bad key [key], [key]");
  got = to_error({"openai", 500, std::string(5'000, 'x'), "", ""}, now);
  CHECK(got.text.size() < 350);
  got = to_error({"openai", 502, "<html><body>Bad", "", ""}, now);
  CHECK(got.text == "openai answered 502");
}
