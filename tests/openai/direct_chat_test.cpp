// Chats with a model, over real sockets; the role `llm` is the test's own.

#include "tests/openai/llm_stand_in.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

const std::string chat = "/v1/chat/completions";

remote::LlmResponse answer(const std::string& text) {
  remote::LlmResponse out;
  out.mutable_message()->set_text(text);
  out.set_finish_reason("stop");
  out.mutable_usage()->set_input_tokens(10);
  out.mutable_usage()->set_output_tokens(3);
  return out;
}

std::string body(const std::string& more = {}) {
  return R"({"model": "big", "messages": [{"role": "user", "content": "hi"}])"
         + more + "}";
}

/// HTTP/1.0 gets a stream without chunks.
std::string stream_post(const std::string& path, const std::string& text) {
  return "POST " + path + " HTTP/1.0\r\nHost: a\r\nContent-Length: "
         + std::to_string(text.size()) + "\r\n\r\n" + text;
}

} // namespace

TEST_CASE("a model is asked what the client said, and answers whole") {
  gateway_fixture world;
  llm_stand_in llm{world};
  auto client = world.client();
  client.send(post(chat, body(R"(, "temperature": 0, "stop": "END",
    "tools": [{"type": "function", "function": {"name": "f"}}])")));
  auto asked = llm.call();
  CHECK(asked.request().model() == "big");
  CHECK(asked.request().messages(0).text() == "hi");
  CHECK(asked.request().has_temperature());
  CHECK(asked.request().stop(0) == "END");
  CHECK(asked.request().tools(0).name() == "f");
  CHECK(!asked.request().stream());
  CHECK(asked.context().tenant() == "00000000-0000-0000-0000-000000000001");
  CHECK(asked.context().reply_deltas_to().empty());
  llm.answer(0, answer("Hello"));
  auto got = client.response();
  REQUIRE(got);
  CHECK(got->status == 200);
  auto words = json::parse(got->body);
  CHECK(words["model"] == "big");
  CHECK(words["choices"][0]["message"]["content"] == "Hello");
  CHECK(words["usage"]["total_tokens"] == 13);
}

TEST_CASE("words of a model reach the client as they come") {
  gateway_fixture world;
  llm_stand_in llm{world};
  auto client = world.client();
  client.send(stream_post(chat, body(R"(, "stream": true,
    "stream_options": {"include_usage": true})")));
  CHECK(llm.call().request().stream());
  // Nothing is said before the model speaks: its refusal would be a status.
  CHECK(client.stays_silent(50ms));
  llm.text(0, 0, "Hel");
  auto head = client.response(false);
  REQUIRE(head);
  CHECK(head->fields["content-type"] == "text/event-stream");
  CHECK(client.read_until("\"content\":\"Hel\"}}]}\n\n"));
  llm.text(0, 1, "lo");
  CHECK(client.read_until("\"content\":\"lo\"}}]}\n\n"));
  llm.answer(0, answer("Hello"));
  auto end = client.read_to_end();
  REQUIRE(end);
  CHECK(end->find("\"finish_reason\":\"stop\"") != std::string::npos);
  CHECK(end->find("\"content\"") == std::string::npos);
  CHECK(end->find("\"usage\":{\"prompt_tokens\":10") != std::string::npos);
  CHECK(end->substr(end->size() - 14) == "data: [DONE]\n\n");
}

TEST_CASE("what a client asks while its stream comes is answered behind it") {
  gateway_fixture world;
  llm_stand_in llm{world};
  auto client = world.client();
  client.send(post(chat, body(R"(, "stream": true)")));
  llm.text(0, 0, "Hello");
  REQUIRE(client.response(false));
  client.send(post(chat, body()));
  CHECK(client.read_until("Hello"));
  llm.answer(0, answer("Hello"));
  CHECK(client.read_until("data: [DONE]\n\n\r\n0\r\n\r\n"));
  llm.answer(1, answer("second"));
  auto got = client.response();
  REQUIRE(got);
  CHECK(got->body.find("second") != std::string::npos);
}

TEST_CASE("words that were lost on the way are in the stream all the same") {
  gateway_fixture world;
  llm_stand_in llm{world};
  auto client = world.client();
  client.send(stream_post(chat, body(R"(, "stream": true)")));
  llm.text(0, 0, "one ");
  llm.text(0, 2, "three");
  llm.answer(0, answer("one two three"));
  client.response(false);
  std::string said;
  auto end = client.read_to_end();
  REQUIRE(end);
  for (auto at = end->find("data: {"); at != std::string::npos;
       at = end->find("data: {", at + 1)) {
    auto chunk = json::parse(end->substr(at + 6, end->find('\n', at) - at - 6));
    if (!chunk["choices"].empty())
      said += chunk["choices"][0]["delta"].value("content", "");
  }
  CHECK(said == "one two three");
}

TEST_CASE("a stream in Anthropic's words") {
  gateway_fixture world;
  llm_stand_in llm{world};
  auto client = world.client();
  client.send(stream_post("/v1/messages",
                          body(R"(, "max_tokens": 5, "stream": true)")));
  CHECK(llm.call().request().max_output_tokens() == 5);
  llm.text(0, 0, "Hi");
  client.response(false);
  CHECK(client.read_until("event: message_start\n"));
  CHECK(client.read_until("\"text\":\"Hi\"}}\n\n"));
  llm.answer(0, answer("Hi"));
  CHECK(client.read_until("event: message_stop\n"));
}

TEST_CASE("/v1/completions asks a tier and answers in its own words") {
  gateway_fixture world;
  llm_stand_in llm{world};
  auto client = world.client();
  client.send(post("/v1/completions", R"({"messages": [{"role": "user",
    "content": "hi"}], "model_tier": "large"})"));
  CHECK(llm.call().request().tier() == "large");
  CHECK(llm.call().request().model().empty());
  auto words = answer("Hello");
  words.set_provider("p");
  words.set_model("m");
  llm.answer(0, words);
  auto got = json::parse(client.response()->body);
  CHECK(got["output_text"] == "Hello");
  CHECK(got["provider"] == "p");
  CHECK(got["usage"]["total_tokens"] == 13);
}

TEST_CASE("what a model's provider refuses has its status, streamed or not") {
  gateway_fixture world;
  llm_stand_in llm{world};
  std::size_t number = 0;
  for (const auto* stream : {"", R"(, "stream": true)"})
    for (const auto& [code, status] :
         std::vector<std::pair<errc, int>>{{errc::not_found, 404},
                                           {errc::overloaded, 429},
                                           {errc::invalid_argument, 400},
                                           {errc::unavailable, 503},
                                           {errc::timeout, 504}}) {
      INFO(status);
      auto client = world.client();
      client.send(post(chat, body(stream)));
      llm.answer(number++, fail(code, "why"));
      auto got = client.response();
      REQUIRE(got);
      CHECK(got->status == status);
      CHECK(json::parse(got->body)["error"]["message"] == "why");
      CHECK(got->fields.count("retry-after")
            == (status == 429 || status == 503 ? 1 : 0));
    }
}

TEST_CASE("a stream that breaks off says so in an event") {
  gateway_fixture world;
  llm_stand_in llm{world};
  auto client = world.client();
  client.send(stream_post(chat, body(R"(, "stream": true)")));
  llm.text(0, 0, "Hel");
  client.response(false);
  CHECK(client.read_until("\"content\":\"Hel\""));
  llm.answer(0, fail(errc::unavailable, "the answer was cut"));
  CHECK(client.read_until(R"(data: {"error":{"message":"the answer was cut")"));
}

TEST_CASE("a client that goes away cancels its call, streamed or not") {
  gateway_fixture world;
  llm_stand_in llm{world};
  {
    auto client = world.client();
    client.send(post(chat, body()));
    llm.call(0);
  }
  CHECK(eventually([&] { return llm.cancelled().size() == 1; }));
  {
    auto client = world.client();
    client.send(stream_post(chat, body(R"(, "stream": true)")));
    llm.text(1, 0, "Hel");
    client.read_until("Hel");
  }
  CHECK(eventually([&] { return llm.cancelled().size() == 2; }));
  CHECK(llm.cancelled()[0] == llm.call(0).context().attempt_key());
  CHECK(llm.cancelled()[1] == llm.call(1).context().attempt_key());
}

TEST_CASE("a client that asks on without waiting has not gone away") {
  gateway_fixture world;
  llm_stand_in llm{world};
  auto client = world.client();
  client.send(post(chat, body()));
  llm.call(0);
  client.send(post(chat, body()));
  llm.answer(0, answer("one"));
  CHECK(client.response()->body.find("one") != std::string::npos);
  llm.answer(1, answer("two"));
  CHECK(client.response()->body.find("two") != std::string::npos);
  CHECK(llm.cancelled().empty());
}

TEST_CASE("a model that is silent for long is waited for, but not for ever") {
  auto settings = quick_settings();
  settings.sse_heartbeat = 100ms;
  settings.chat_timeout = 400ms;
  gateway_fixture world{settings};
  llm_stand_in llm{world};
  auto client = world.client();
  client.send(stream_post(chat, body(R"(, "stream": true)")));
  CHECK(client.read_until(": keepalive\n\n"));
  CHECK(client.read_until(R"(data: {"error":)"));
  auto whole = world.client();
  whole.send(post(chat, body()));
  CHECK(whole.response()->status == 504);
}

TEST_CASE("a request that is wrong is refused before any model is asked") {
  gateway_fixture world;
  llm_stand_in llm{world};
  auto bad = world.ask(post(chat, R"({"model": "big", "messages": []})"));
  CHECK(bad.status == 400);
  CHECK(json::parse(bad.body)["error"]
        == json::parse(R"({"message": "messages array is required",
             "type": "invalid_request_error", "param": null,
             "code": "invalid_request"})"));
  auto other = world.ask(post("/v1/messages", "{"));
  CHECK(other.status == 400);
  CHECK(json::parse(other.body)["error"]["type"] == "invalid_request_error");
  CHECK(llm.size() == 0);
}

TEST_CASE("what is refused below /v1 is refused in its words") {
  gateway_fixture world;
  auto lost = world.ask(get("/v1/nothing"));
  CHECK(lost.status == 404);
  CHECK(json::parse(lost.body)["error"]["message"] == "404 page not found");
  auto method = world.ask(get("/v1/messages"));
  CHECK(method.status == 405);
  CHECK(json::parse(method.body)["type"] == "error");
  auto form = world.ask(post(chat, "x", "Content-Type: text/xml\r\n"));
  CHECK(form.status == 415);
  CHECK(json::parse(form.body)["error"]["type"] == "invalid_request_error");
  auto large = world.ask("POST " + chat
                         + " HTTP/1.1\r\nHost: a\r\n"
                           "Content-Length: 99999999999\r\n\r\n");
  CHECK(large.status == 413);
  CHECK(json::parse(large.body)["error"]["code"] == "request_too_large");
}

TEST_CASE("agents and models are listed, agents also while no model is there") {
  gateway_fixture world;
  auto alone = json::parse(world.ask(get("/v1/models")).body);
  CHECK(alone["data"].size() == 6);
  CHECK(world.ask(get("/v1/models/shannon-chat")).status == 200);
  CHECK(world.ask(get("/v1/llm-models")).status == 503);
  llm_stand_in llm{world};
  auto& model = *llm.models_.add_models();
  model.set_model("org/big");
  model.set_provider("p");
  model.set_tier("large");
  CHECK(json::parse(world.ask(get("/v1/models")).body)["data"].size() == 7);
  auto one = world.ask(get("/v1/models/org/big"));
  CHECK(json::parse(one.body)["owned_by"] == "p");
  CHECK(world.ask(get("/v1/models/none")).status == 404);
  CHECK(world.ask(get("/v1/llm-models?tier=small")).body
        == "{\"models\":null}\n");
}
