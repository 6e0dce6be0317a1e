// An answer on its way, without sockets and by a clock of the test's own.

#include "actors/llm/incoming_answer.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace shannon;
using namespace shannon::llm;
using namespace std::chrono_literals;

namespace {

std::string word(const std::string& text) {
  return "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + text
         + "\"}}]}\n\n";
}

struct one_answer {
  explicit one_answer(bool stream) {
    call.mutable_context()->set_attempt_key("key");
    call.mutable_request()->set_stream(stream);
    provider.name = "openai";
    provider.kind = provider_kind::openai;
    provider.api_key = "sk-secret-of-ours";
    model.id = "m";
    model.costs.input = 1'000;
    model.costs.output = 2'000;
    settings.first_token_timeout = 1'000ms;
    settings.between_tokens_timeout = 100ms;
    answer.emplace(incoming_answer::asked{call, provider, model, settings},
                   now);
  }

  void head(int status, const std::string& type) {
    kit::http_head what;
    what.status = status;
    what.headers.emplace_back("content-type", type);
    answer->head(what);
  }
  result<void> bytes(const std::string& text) {
    return answer->take(text, now);
  }
  result<remote::LlmResponse> end(result<void> how = {}) {
    return answer->end(std::move(how), now, {});
  }

  remote::LlmCall call;
  provider_entry provider;
  model_entry model;
  config::llm_settings settings;
  incoming_answer::time_point now{10s};
  std::optional<incoming_answer> answer;
};

} // namespace

TEST_CASE(
    "the first words are told at once, the next after a while, together") {
  one_answer one{true};
  one.head(200, "text/event-stream");
  CHECK_FALSE(one.answer->delta_due_in(one.now));
  REQUIRE(one.bytes(word("a ")));
  CHECK(one.answer->delta_due_in(one.now) == 0ms);
  CHECK(one.answer->delta(one.now)->text() == "a ");
  one.now += 2ms;
  REQUIRE(one.bytes(word("b ") + word("c ")));
  CHECK(one.answer->delta_due_in(one.now) == 18ms);
  // What would wait for less than a timer is worth does not.
  one.now += 14ms;
  CHECK(one.answer->delta_due_in(one.now) == 0ms);
  auto delta = one.answer->delta(one.now);
  REQUIRE(delta);
  CHECK(delta->text() == "b c ");
  CHECK(delta->index() == 1);
  CHECK(delta->attempt_key() == "key");
  CHECK_FALSE(one.answer->delta(one.now));
  REQUIRE(one.bytes("data: [DONE]\n\n"));
  auto got = one.end();
  REQUIRE(got);
  CHECK(got->message().text() == "a b c ");
  CHECK(got->model() == "m");
}

TEST_CASE("tokens are late by the limit of where the stream stands") {
  one_answer one{true};
  one.head(200, "text/event-stream");
  CHECK(one.answer->patience(one.now) == 1'000ms);
  REQUIRE(one.bytes(": comment\n\n"));
  one.now += 999ms;
  CHECK(one.answer->patience(one.now) == 1ms);
  REQUIRE(one.bytes(word("a ")));
  CHECK(one.answer->patience(one.now) == 100ms);
  one.now += 100ms;
  auto late = one.answer->patience(one.now);
  REQUIRE_FALSE(late);
  CHECK(late.error().code == errc::timeout);
}

TEST_CASE("a whole answer is priced, an error is a refusal without our key") {
  one_answer one{false};
  one.head(200, "application/json");
  REQUIRE(one.bytes(R"({"choices":[{"message":{"content":"hi"},)"));
  REQUIRE(one.bytes(R"("finish_reason":"stop"}],"usage":{"prompt_tokens":3,)"
                    R"("completion_tokens":2}})"));
  one.now += 5ms;
  auto got = one.end();
  REQUIRE(got);
  CHECK(got->usage().cost_nanousd() == 7);
  CHECK(got->duration_us() == 5'000);
  CHECK_FALSE(one.answer->delta(one.now));

  one_answer refused{false};
  refused.head(401, "application/json");
  REQUIRE(
      refused.bytes(R"({"error":{"message":"wrong key sk-secret-of-ours"}})"));
  auto why = refused.end();
  REQUIRE_FALSE(why);
  CHECK(why.error().code == errc::denied);
  CHECK(why.error().text.find("secret") == std::string::npos);
}

TEST_CASE("a stream that is cut is an answer only if it had said all") {
  auto lost = fail(errc::unavailable, "connection lost", true);
  one_answer cut{true};
  cut.head(200, "text/event-stream");
  REQUIRE(cut.bytes(word("a ")));
  CHECK_FALSE(cut.end(lost));
  one_answer whole{true};
  whole.head(200, "text/event-stream");
  REQUIRE(whole.bytes(word("a ") + "data: [DONE]\n\n"));
  CHECK(whole.end(lost));
}
