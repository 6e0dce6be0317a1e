#include "actors/gateway/openai/answer_writer.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace shannon;
using namespace shannon::gateway;
using namespace shannon::gateway::chat;
using nlohmann::json;

namespace {

std::unique_ptr<answer_writer> writer(dialect which, bool is_agent = false,
                                      bool include_usage = true) {
  answer_head head;
  head.id = "id-1";
  head.model = "m";
  head.created = std::chrono::system_clock::time_point{
      std::chrono::seconds{1'700'000'000}};
  head.include_usage = include_usage;
  head.is_agent = is_agent;
  return writer_of(which, std::move(head));
}

remote::LlmResponse answer(const std::string& text,
                           const std::string& finish = "stop") {
  remote::LlmResponse out;
  out.mutable_message()->set_text(text);
  out.set_model("real-model");
  out.set_provider("p");
  out.set_finish_reason(finish);
  out.mutable_usage()->set_input_tokens(10);
  out.mutable_usage()->set_output_tokens(3);
  out.mutable_usage()->set_cache_read_tokens(4);
  out.mutable_usage()->set_cost_nanousd(1'500'000);
  out.set_duration_us(12'345);
  return out;
}

remote::LlmResponse with_call() {
  auto out = answer("", "tool_calls");
  auto& call = *out.mutable_message()->add_tool_calls();
  call.set_id("c1");
  call.set_name("f");
  call.set_arguments_json(R"({"x":1})");
  return out;
}

remote::ToolCallDelta call_piece(std::uint32_t index, const std::string& id,
                                 const std::string& name,
                                 const std::string& arguments) {
  remote::ToolCallDelta piece;
  piece.set_index(index);
  piece.set_id(id);
  piece.set_name(name);
  piece.set_arguments(arguments);
  return piece;
}

const std::string chunk
    = R"(data: {"id":"id-1","object":"chat.completion.chunk",)"
      R"("created":1700000000,"model":"m","choices":[{"index":0,)";
const std::string usage
    = R"("usage":{"prompt_tokens":10,"completion_tokens":3,)"
      R"("total_tokens":13,"prompt_tokens_details":{"cached_tokens":4}})";
const std::string done = "data: [DONE]\n\n";

} // namespace

// -- OpenAI -------------------------------------------------------------------

TEST_CASE("a whole chat completion") {
  auto got = writer(dialect::openai)->whole(answer("Hi <b>"));
  CHECK(got.status == 200);
  CHECK(got.body
        == R"({"id":"id-1","object":"chat.completion","created":1700000000,)"
           R"("model":"m","choices":[{"index":0,"message":{"role":"assistant",)"
           R"("content":"Hi \u003cb\u003e"},"finish_reason":"stop"}],)"
               + usage + "}\n");
  auto calls = json::parse(writer(dialect::openai)->whole(with_call()).body);
  CHECK(calls["choices"][0] == json::parse(R"({"index": 0,
    "finish_reason": "tool_calls", "message": {"role": "assistant",
    "content": null, "tool_calls": [{"id": "c1", "type": "function",
      "function": {"name": "f", "arguments": "{\"x\":1}"}}]}})"));
}

TEST_CASE("a stream of chat chunks: the role first, no reason before the end") {
  auto it = writer(dialect::openai);
  CHECK(it->begin().empty());
  CHECK(it->text("Hi\n")
        == chunk + R"("delta":{"role":"assistant","content":"Hi\n"}}]})"
               + "\n\n");
  CHECK(it->text("é") == chunk + R"("delta":{"content":"é"}}]})" + "\n\n");
  CHECK(it->call(call_piece(0, "c1", "f", "{"))
        == chunk
               + R"("delta":{"tool_calls":[{"index":0,"id":"c1",)"
                 R"("type":"function","function":{"name":"f",)"
                 R"("arguments":"{"}}]}}]})"
               + "\n\n");
  CHECK(it->call(call_piece(0, "", "", "}"))
        == chunk
               + R"("delta":{"tool_calls":[{"index":0,"function":)"
                 R"({"arguments":"}"}}]}}]})"
               + "\n\n");
  CHECK(it->keepalive() == ": keepalive\n\n");
  // OpenAI's own clients look for usage behind the last choice.
  CHECK(it->end(answer("Hi\né", "length"))
        == chunk + R"("delta":{},"finish_reason":"length"}]})" + "\n\n"
               + R"(data: {"id":"id-1","object":"chat.completion.chunk",)"
                 R"("created":1700000000,"model":"m","choices":[],)"
               + usage + "}\n\n" + done);
}

TEST_CASE(
    "an agent's stream: a sign of life, events, usage in the last chunk") {
  auto it = writer(dialect::openai, true);
  CHECK(it->begin() == ": keepalive\n\n");
  run_event what{7,
                 std::chrono::system_clock::time_point{
                     std::chrono::seconds{1'700'000'001}},
                 {},
                 false};
  what.event.set_type("TOOL_INVOKED");
  what.event.set_agent_id("agent-1");
  what.event.set_message("Calling");
  what.event.set_payload_json(R"({"tool":"calculator"})");
  CHECK(it->event(what)
        == chunk
               + R"("delta":{"role":"assistant"}}],"shannon_events":[{)"
                 R"("type":"TOOL_INVOKED","agent_id":"agent-1",)"
                 R"("message":"Calling","timestamp":1700000001,)"
                 R"("payload":{"tool":"calculator"}}]})"
               + "\n\n");
  for (const auto* control : {"WORKFLOW_PAUSED", "WORKFLOW_CANCELLING"}) {
    what.event.set_type(control);
    CHECK(!it->event(what).empty());
  }
  what.event.set_type("LLM_OUTPUT");
  CHECK(it->event(what).empty());
  CHECK(it->end(answer("x"))
        == chunk + R"("delta":{},"finish_reason":"stop"}],)" + usage + "}\n\n"
               + done);
  CHECK(writer(dialect::openai, true, false)->end(answer("x"))
        == chunk + R"("delta":{"role":"assistant"},"finish_reason":"stop"}]})"
               + "\n\n" + done);
}

TEST_CASE("a stream that breaks says why, to each in its way") {
  const error why{errc::failed, "boom", false, std::nullopt};
  auto direct = writer(dialect::openai);
  CHECK(direct->broke(why)
        == R"(data: {"error":{"message":"boom","type":"server_error",)"
           R"("param":null,"code":"internal_error"}})"
               + std::string{"\n\n"} + done);
  auto agent = writer(dialect::openai, true);
  agent->text("x");
  CHECK(agent->broke(why)
        == chunk
               + R"("delta":{"content":"\n\n[Error: boom]"},)"
                 R"("finish_reason":"stop"}]})"
               + "\n\n" + chunk + R"("delta":{},"finish_reason":"stop"}]})"
               + "\n\n" + done);
}

// -- Anthropic ----------------------------------------------------------------

TEST_CASE("a whole message") {
  auto got = writer(dialect::anthropic)->whole(answer("Hi"));
  CHECK(got.body
        == R"({"id":"id-1","type":"message","role":"assistant","model":"m",)"
           R"("content":[{"type":"text","text":"Hi"}],)"
           R"("stop_reason":"end_turn","stop_sequence":null,)"
           R"("usage":{"input_tokens":6,"cache_creation_input_tokens":0,)"
           R"("cache_read_input_tokens":4,"output_tokens":3}})"
               + std::string{"\n"});
  auto calls = json::parse(writer(dialect::anthropic)->whole(with_call()).body);
  CHECK(calls["content"] == json::parse(R"([{"type": "tool_use", "id": "c1",
    "name": "f", "input": {"x": 1}}])"));
  CHECK(calls["stop_reason"] == "tool_use");
}

TEST_CASE("a stream of a message: blocks open and close in order") {
  auto it = writer(dialect::anthropic);
  CHECK(it->begin()
        == "event: message_start\n"
           R"(data: {"type":"message_start","message":{"id":"id-1",)"
           R"("type":"message","role":"assistant","model":"m","content":[],)"
           R"("stop_reason":null,"stop_sequence":null,"usage":)"
           R"({"input_tokens":0,"cache_creation_input_tokens":0,)"
           R"("cache_read_input_tokens":0,"output_tokens":0}}})"
           "\n\n");
  CHECK(it->text("Hi")
        == "event: content_block_start\n"
           R"(data: {"type":"content_block_start","index":0,)"
           R"("content_block":{"type":"text","text":""}})"
           "\n\n"
           "event: content_block_delta\n"
           R"(data: {"type":"content_block_delta","index":0,)"
           R"("delta":{"type":"text_delta","text":"Hi"}})"
           "\n\n");
  CHECK(it->text("!")
        == "event: content_block_delta\n"
           R"(data: {"type":"content_block_delta","index":0,)"
           R"("delta":{"type":"text_delta","text":"!"}})"
           "\n\n");
  CHECK(it->keepalive() == "event: ping\ndata: {\"type\":\"ping\"}\n\n");
  CHECK(it->call(call_piece(0, "c1", "f", ""))
        == "event: content_block_stop\n"
           R"(data: {"type":"content_block_stop","index":0})"
           "\n\n"
           "event: content_block_start\n"
           R"(data: {"type":"content_block_start","index":1,)"
           R"("content_block":{"type":"tool_use","id":"c1","name":"f",)"
           R"("input":{}}})"
           "\n\n");
  CHECK(it->call(call_piece(0, "", "", "{}"))
        == "event: content_block_delta\n"
           R"(data: {"type":"content_block_delta","index":1,)"
           R"("delta":{"type":"input_json_delta","partial_json":"{}"}})"
           "\n\n");
  CHECK(it->end(with_call())
        == "event: content_block_stop\n"
           R"(data: {"type":"content_block_stop","index":1})"
           "\n\n"
           "event: message_delta\n"
           R"(data: {"type":"message_delta","delta":)"
           R"({"stop_reason":"tool_use","stop_sequence":null},)"
           R"("usage":{"input_tokens":6,"cache_creation_input_tokens":0,)"
           R"("cache_read_input_tokens":4,"output_tokens":3}})"
           "\n\n"
           "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

TEST_CASE("why a message ended, in Anthropic's words") {
  auto reason = [](remote::LlmResponse of) {
    auto body = json::parse(writer(dialect::anthropic)->whole(of).body);
    return body["stop_reason"].get<std::string>() + "|"
           + body["stop_sequence"].dump();
  };
  CHECK(reason(answer("x", "length")) == "max_tokens|null");
  CHECK(reason(answer("x", "content_filter")) == "refusal|null");
  auto met = answer("x");
  met.set_stop_sequence("END");
  CHECK(reason(met) == "stop_sequence|\"END\"");
}

TEST_CASE("a message that breaks off ends in an error event") {
  CHECK(writer(dialect::anthropic)
            ->broke({errc::overloaded, "busy", true, std::nullopt})
        == "event: error\n"
           R"(data: {"type":"error","error":{"type":"rate_limit_error",)"
           R"("message":"busy"}})"
           "\n\n");
}

// -- /v1/completions ----------------------------------------------------------

TEST_CASE("a completion of the reference platform, whole and streamed") {
  auto whole
      = json::parse(writer(dialect::completions)->whole(with_call()).body);
  CHECK(whole == json::parse(R"({"provider": "p", "model": "real-model",
    "output_text": "", "finish_reason": "tool_calls", "cached": false,
    "request_id": "id-1", "latency_ms": 12,
    "function_call": {"name": "f", "arguments": {"x": 1}},
    "tool_calls": [{"name": "f", "arguments": {"x": 1}, "id": "c1",
      "type": "function"}],
    "usage": {"input_tokens": 10, "output_tokens": 3, "total_tokens": 13,
      "cost_usd": 0.0015, "cache_read_tokens": 4, "cache_creation_tokens": 0,
      "call_sequence": 1}})"));
  auto it = writer(dialect::completions);
  CHECK(it->begin().empty());
  CHECK(it->text("a \"b\"")
        == R"(data: {"type":"content_delta","text":"a \"b\""})"
           "\n\n");
  auto end = it->end(answer("all"));
  CHECK(end.size() > done.size());
  CHECK(end.substr(end.size() - done.size()) == done);
  auto last = json::parse(end.substr(6, end.find('\n') - 6));
  CHECK(last["type"] == "done");
  CHECK(last["output_text"] == "all");
  CHECK(last["usage"]["total_tokens"] == 13);
  CHECK(it->broke({errc::failed, "boom", false, std::nullopt})
        == R"(data: {"type":"error","message":"boom"})" + std::string{"\n\n"}
               + done);
}

// -- refusals -----------------------------------------------------------------

TEST_CASE("a refusal has its status and each language's words") {
  struct row {
    errc code;
    int status;
    std::string openai;
    std::string anthropic;
  };
  for (const auto& [code, status, openai, anthropic] : std::vector<row>{
           {errc::invalid_argument, 400, "invalid_request_error",
            "invalid_request_error"},
           {errc::denied, 403, "permission_error", "permission_error"},
           {errc::not_found, 404, "invalid_request_error", "not_found_error"},
           {errc::overloaded, 429, "rate_limit_error", "rate_limit_error"},
           {errc::unavailable, 503, "server_error", "overloaded_error"},
           {errc::timeout, 504, "server_error", "timeout_error"},
           {errc::failed, 500, "server_error", "api_error"}}) {
    const error why{code, "text", false, std::nullopt};
    INFO(status);
    auto one = refusal(dialect::openai, why);
    CHECK(one.status == status);
    auto words = json::parse(one.body)["error"];
    CHECK(words["type"] == openai);
    CHECK(words["message"] == "text");
    auto other = refusal(dialect::anthropic, why);
    CHECK(other.status == status);
    auto object = json::parse(other.body);
    CHECK(object["type"] == "error");
    CHECK(object["error"]["type"] == anthropic);
  }
}

TEST_CASE("who is to come again is told when") {
  error why{errc::overloaded, "busy", true, std::chrono::milliseconds{2'500}};
  for (auto which : {dialect::openai, dialect::anthropic}) {
    auto got = refusal(which, why);
    CHECK(got.fields.back()
          == std::pair<std::string, std::string>{"Retry-After", "3"});
  }
}

TEST_CASE("/v1/completions refuses as the service behind it did") {
  auto bad = refusal(dialect::completions,
                     {errc::invalid_argument, "no", false, std::nullopt});
  CHECK(bad.status == 422);
  CHECK(bad.body == "{\"detail\":\"no\"}\n");
  auto away = refusal(dialect::completions,
                      {errc::unavailable, "gone", true, std::nullopt});
  CHECK(away.status == 502);
  CHECK(json::parse(away.body)["error"]["message"]
        == "LLM service unavailable: gone");
}

TEST_CASE("what other layers refuse is put in the client's words") {
  http_response plain{
      401,
      {{"Content-Type", "application/json"}, {"WWW-Authenticate", "Bearer"}},
      "{\"error\":\"Invalid token\"}\n"};
  auto one = in_words_of(dialect::openai, plain);
  CHECK(one.status == 401);
  CHECK(json::parse(one.body) == json::parse(R"({"error": {"param": null,
    "message": "Invalid token", "type": "authentication_error",
    "code": "invalid_api_key"}})"));
  REQUIRE(one.fields.size() == 2);
  CHECK(one.fields[0].first == "WWW-Authenticate");
  CHECK(
      json::parse(in_words_of(dialect::anthropic, plain).body)["error"]["type"]
      == "authentication_error");
  auto limit = in_words_of(
      dialect::openai,
      {429, {}, R"({"error": "Rate limit exceeded", "message": "Too many"})"});
  CHECK(json::parse(limit.body)["error"]["message"] == "Too many");
  auto lost = in_words_of(dialect::openai, {404, {}, "404 page not found\n"});
  CHECK(json::parse(lost.body)["error"]["message"] == "404 page not found");
  // What speaks the language already, and what is no refusal.
  for (const auto& kept :
       {http_response{400, {}, R"({"error": {"message": "x"}})"},
        http_response{422, {}, R"({"detail": "x"})"},
        http_response{200, {}, R"({"error": "x"})"}})
    CHECK(in_words_of(dialect::openai, kept).body == kept.body);
}

TEST_CASE("ids are as each client knows them") {
  auto now = std::chrono::system_clock::time_point{
      std::chrono::seconds{1'700'000'000}};
  auto id = answer_id(dialect::openai, now);
  CHECK(id.rfind("chatcmpl-20231114221320", 0) == 0);
  CHECK(id.size() == 31);
  CHECK(answer_id(dialect::anthropic, now).rfind("msg_", 0) == 0);
  CHECK(answer_id(dialect::anthropic, now)
        != answer_id(dialect::anthropic, now));
}

TEST_CASE("any text is quoted so that it reads back the same") {
  for (std::string text : {"", "plain", "a\"b\\c", "\n\r\t\x01", "<&>", "héé",
                           "\xe2\x80\xa8 line", "emoji \xf0\x9f\x98\x80"}) {
    INFO(text);
    CHECK(json::parse(json_string(text)) == text);
  }
  CHECK(json_string("<&>") == R"("\u003c\u0026\u003e")");
  CHECK(json::accept(json_string("bad \xff utf-8")));
}
