// The role `llm` against the scripted upstream, over real sockets.

#include "actors/kit/bytes_text.hpp"
#include "tests/llm/llm_fixture.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace shannon;
using namespace std::chrono_literals;
using test::llm_fixture;

namespace {

/// Both wire formats, by the provider that speaks them.
const std::vector<std::string> both{"openai", "anthropic"};

bool any_cut(const std::vector<upstream::ledger_entry>& seen) {
  return !seen.empty() && seen.back().state == "cut";
}

bool any_open(const std::vector<upstream::ledger_entry>& seen) {
  return !seen.empty() && seen.back().state == "open";
}

} // namespace

TEST_CASE("an answer comes whole or streamed, with usage and price") {
  llm_fixture world;
  for (const auto& provider : both)
    for (bool stream : {true, false}) {
      auto call = world.call("hello", provider);
      call.mutable_request()->set_stream(stream);
      auto got = world.ask(call);
      INFO(provider << (got ? "" : got.error().text));
      REQUIRE(got);
      CHECK(got->message().text()
            == "This is the scripted answer after 0 turns.");
      CHECK(got->provider() == provider);
      CHECK(got->model()
            == (provider == "openai" ? "gpt-5-mini" : "claude-sonnet-4-5"));
      CHECK(got->finish_reason() == "stop");
      CHECK(got->usage().input_tokens() > 0);
      CHECK(got->usage().output_tokens() > 0);
      CHECK(got->usage().cost_nanousd() > 0);
      CHECK(got->duration_us() >= got->first_token_us());
      CHECK(got->first_token_us() > 0);
      auto seen = world.seen().back();
      CHECK(seen.attempt_key == call.context().attempt_key());
      CHECK(seen.idempotency_key == call.context().attempt_key());
      CHECK(seen.api == provider);
      CHECK(seen.stream == stream);
    }
}

TEST_CASE("a file that a call names reaches the provider as its bytes") {
  llm_fixture world;
  const std::string hash(32, '\x01');
  const std::string note(32, '\x02');
  world.keep_bodies({{hash, "picture"}, {note, "remember the milk"}});
  for (const auto& provider : both) {
    INFO(provider);
    auto call = world.call("look", provider);
    call.mutable_context()->set_tenant("t");
    auto& said = *call.mutable_request()->mutable_messages(1);
    auto& picture = *said.add_attachments();
    picture.set_media_type("image/png");
    picture.set_url("shannon:blob:" + kit::to_hex(hash));
    auto& text = *said.add_attachments();
    text.set_media_type("text/plain; charset=utf-8");
    text.set_name("note.txt");
    text.set_url("shannon:blob:" + kit::to_hex(note));
    REQUIRE(world.ask(call));
    auto seen = world.seen().back();
    REQUIRE(seen.files.size() == 1);
    CHECK(seen.files[0].ends_with(kit::to_base64("picture")));
    CHECK(seen.text == "look\n\n[note.txt]\nremember the milk");
    // Another tenant has no such file, and nobody is asked.
    auto asked = world.seen().size();
    call.mutable_context()->set_tenant("u");
    call.mutable_context()->set_attempt_key("another " + provider);
    auto refused = world.ask(call);
    REQUIRE(!refused);
    CHECK(refused.error().code == errc::failed);
    CHECK_FALSE(refused.error().retryable);
    CHECK(world.seen().size() == asked);
  }
}

TEST_CASE("deltas of a stream carry the whole text in order") {
  llm_fixture world;
  for (const auto& provider : both) {
    auto before = world.deltas().size();
    auto call = world.call("[[slow:15]] hello", provider);
    auto got = world.ask(call);
    REQUIRE(got);
    auto all = world.deltas();
    std::string text;
    for (auto i = before; i < all.size(); ++i) {
      CHECK(all[i].attempt_key() == call.context().attempt_key());
      CHECK(all[i].agent() == "agent-1");
      CHECK(all[i].index() == i - before);
      text += all[i].text();
    }
    CHECK(text == got->message().text());
    // Seven words, 15 ms apart: in several pieces, not one for each.
    CHECK(all.size() - before >= 2);
    CHECK(got->first_token_us() < got->duration_us() / 2);
  }
}

TEST_CASE("a call that wants no stream gets no deltas") {
  llm_fixture world;
  auto call = world.call("hello");
  call.mutable_request()->set_stream(false);
  REQUIRE(world.ask(call));
  CHECK(world.deltas().empty());
}

TEST_CASE("deltas tell tool calls to who wants them, and to nobody else") {
  llm_fixture world;
  for (const auto& provider : both)
    for (bool wanted : {false, true}) {
      auto before = world.deltas().size();
      auto call = world.call("[[tools:2]]", provider);
      call.mutable_request()->set_stream_tool_calls(wanted);
      auto got = world.ask(call);
      REQUIRE(got);
      std::map<std::uint32_t, std::string> calls;
      auto all = world.deltas();
      for (auto i = before; i < all.size(); ++i)
        for (const auto& piece : all[i].tool_calls())
          calls[piece.index()] += piece.id() + piece.name() + piece.arguments();
      INFO(provider << ' ' << wanted);
      REQUIRE(calls.size() == (wanted ? 2 : 0));
      for (const auto& [index, text] : calls) {
        const auto& whole = got->message().tool_calls(static_cast<int>(index));
        CHECK(text == whole.id() + whole.name() + whole.arguments_json());
      }
    }
}

TEST_CASE("parallel tool calls come with their arguments") {
  llm_fixture world;
  for (const auto& provider : both)
    for (bool stream : {true, false}) {
      auto call = world.call("[[tools:3]]", provider);
      call.mutable_request()->set_stream(stream);
      auto got = world.ask(call);
      REQUIRE(got);
      CHECK(got->finish_reason() == "tool_calls");
      REQUIRE(got->message().tool_calls_size() == 3);
      CHECK(got->message().tool_calls(2).id() == "call_1_3");
      CHECK(got->message().tool_calls(2).name() == "calculator");
      CHECK(got->message().tool_calls(2).arguments_json()
            == R"({"expression":"1 * 7 + 3"})");
    }
}

TEST_CASE("arguments that are no JSON reach the run as they are") {
  llm_fixture world;
  for (const auto& provider : both) {
    auto got = world.ask(world.call("[[badargs]]", provider));
    REQUIRE(got);
    REQUIRE(got->message().tool_calls_size() == 1);
    CHECK(got->message().tool_calls(0).arguments_json()
          == "{\"expression\": 1 +");
  }
}

TEST_CASE("a rate limit is overloaded, with the wait it asks for") {
  llm_fixture world;
  for (const auto& provider : both) {
    auto text = "[[status:429:1]] for " + provider;
    auto got = world.ask(world.call(text, provider));
    REQUIRE(!got);
    CHECK(got.error().code == errc::overloaded);
    CHECK(got.error().retryable);
    CHECK(got.error().retry_after == 1'000ms);
    CHECK(got.error().text == provider + " answered 429: scripted 429");
    CHECK(world.ask(world.call(text, provider)));
  }
}

TEST_CASE("a server's fault is retryable, a bad request is not") {
  llm_fixture world;
  for (const auto& provider : both) {
    auto fault = world.ask(world.call("[[status:500]]", provider));
    REQUIRE(!fault);
    CHECK(fault.error().code == errc::unavailable);
    CHECK(fault.error().retryable);
    auto bad = world.ask(world.call("[[status:400]]", provider));
    REQUIRE(!bad);
    CHECK(bad.error().code == errc::invalid_argument);
    CHECK(!bad.error().retryable);
  }
}

TEST_CASE("a stream that stalls before or after its first token times out") {
  config::llm_settings settings;
  settings.first_token_timeout = 400ms;
  settings.between_tokens_timeout = 250ms;
  llm_fixture world{settings};
  for (const auto& provider : both) {
    auto stalled = world.ask(world.call("[[stall]]", provider));
    REQUIRE(!stalled);
    CHECK(stalled.error().code == errc::timeout);
    CHECK(stalled.error().retryable);
    CHECK(world.await_seen(any_cut));
    auto late = world.ask(world.call("[[delay:5000]]", provider));
    REQUIRE(!late);
    CHECK(late.error().code == errc::timeout);
    CHECK(world.await_seen(any_cut));
  }
}

TEST_CASE("a stream may take longer than its pauses may") {
  config::llm_settings settings;
  settings.first_token_timeout = 1'000ms;
  settings.between_tokens_timeout = 1'000ms;
  llm_fixture world{settings};
  auto since = std::chrono::steady_clock::now();
  CHECK(world.ask(world.call("[[slow:200]]")));
  CHECK(std::chrono::steady_clock::now() - since > 1'000ms);
}

TEST_CASE("a whole answer that never comes times out") {
  config::llm_settings settings;
  settings.call_timeout = 100ms;
  llm_fixture world{settings};
  auto call = world.call("[[stall]]");
  call.mutable_request()->set_stream(false);
  auto got = world.ask(call);
  REQUIRE(!got);
  CHECK(got.error().code == errc::timeout);
}

TEST_CASE("garbage and cut answers are failures that may be tried again") {
  llm_fixture world;
  for (const auto& provider : both)
    for (bool stream : {true, false})
      for (const auto* marker : {"[[garbage]]", "[[cut]]"}) {
        auto call = world.call(marker, provider);
        call.mutable_request()->set_stream(stream);
        auto got = world.ask(call);
        INFO(provider << marker << stream);
        REQUIRE(!got);
        CHECK(got.error().retryable);
        CHECK(got.error().text.find(provider) == 0);
        REQUIRE(world.ask(world.call("hello", provider)));
      }
}

TEST_CASE("cancel closes the socket and answers at once") {
  llm_fixture world;
  for (const auto& provider : both) {
    auto call = world.call("[[slow:500]] hello", provider);
    auto coming = world.begin(call);
    REQUIRE(world.await_seen(any_open));
    auto since = std::chrono::steady_clock::now();
    world.cancel(call.context().attempt_key());
    auto got = coming.get();
    REQUIRE(!got);
    CHECK(got.error().code == errc::cancelled);
    CHECK(!got.error().retryable);
    CHECK(world.await_seen(any_cut));
    CHECK(std::chrono::steady_clock::now() - since < 400ms);
  }
  world.cancel("never/heard/of");
  CHECK(world.ask(world.call("hello")));
}

TEST_CASE("a second call under one attempt key joins the first") {
  llm_fixture world;
  auto call = world.call("[[delay:100]] hello");
  auto first = world.begin(call);
  auto second = world.begin(call);
  CHECK(first.get());
  CHECK(second.get());
  CHECK(world.seen().size() == 1);
}

TEST_CASE("a call of no run goes to its provider, and can be cancelled there") {
  llm_fixture world;
  auto call = world.call("hello", "");
  call.mutable_context()->clear_log();
  call.mutable_request()->set_model("gpt-4.1-mini");
  auto got = world.ask(call);
  REQUIRE(got);
  CHECK(got->provider() == "openai");
  CHECK(got->message().text() == "This is the scripted answer after 0 turns.");
  CHECK(!world.deltas().empty());
  call.mutable_context()->set_attempt_key("chat/1");
  call.mutable_request()->mutable_messages(1)->set_text("[[stall]]");
  auto under_way = world.begin(call);
  // The far side may not have noted yet that the first has ended.
  REQUIRE(world.await_seen(
      [](const auto& seen) { return seen.size() == 2 && any_open(seen); }));
  world.cancel("chat/1");
  auto ended = under_way.get();
  REQUIRE(!ended);
  CHECK(ended.error().code == errc::cancelled);
  CHECK(world.await_seen(any_cut));
}

TEST_CASE("a call of no run is refused while its provider's breaker is open") {
  llm_fixture world;
  auto call = world.call("[[status:500]]", "");
  call.mutable_context()->clear_log();
  call.mutable_request()->set_model("gpt-4.1-mini");
  for (int i = 0; i < 5; ++i) {
    call.mutable_context()->set_attempt_key("chat/" + std::to_string(i));
    REQUIRE(!world.ask(call));
  }
  call.mutable_context()->set_attempt_key("chat/5");
  auto got = world.ask(call);
  REQUIRE(!got);
  CHECK(got.error().code == errc::unavailable);
  CHECK(got.error().retry_after);
  CHECK(world.seen().size() == 5);
}

TEST_CASE("only so many calls go out at a time, and only so many wait") {
  config::llm_settings settings;
  settings.concurrent_calls_max = 2;
  settings.queued_calls_max = 3;
  llm_fixture world{settings};
  std::vector<std::future<result<remote::LlmResponse>>> coming;
  for (int i = 0; i < 6; ++i)
    coming.push_back(world.begin(world.call("[[delay:100]] hello")));
  int refused = 0;
  for (auto& one : coming) {
    auto got = one.get();
    refused += !got;
    if (!got) {
      CHECK(got.error().code == errc::overloaded);
      CHECK(got.error().retryable);
      CHECK(got.error().retry_after.has_value());
    }
  }
  CHECK(refused == 1);
  // Never more than two at once.
  auto seen = world.seen();
  REQUIRE(seen.size() == 5);
  for (const auto& one : seen) {
    int open = 0;
    for (const auto& other : seen)
      open += other.at_us <= one.at_us && other.ended_us > one.at_us;
    CHECK(open <= 2);
  }
}

TEST_CASE("a call that waits can be cancelled") {
  config::llm_settings settings;
  settings.concurrent_calls_max = 1;
  llm_fixture world{settings};
  auto first = world.begin(world.call("[[delay:200]] hello"));
  REQUIRE(world.await_seen(any_open));
  auto call = world.call("hello");
  auto second = world.begin(call);
  world.cancel(call.context().attempt_key());
  CHECK(second.get().error().code == errc::cancelled);
  CHECK(first.get());
  CHECK(world.seen().size() == 1);
}

TEST_CASE("calls use connections again") {
  llm_fixture world;
  for (int i = 0; i < 5; ++i)
    REQUIRE(world.ask(world.call("hello")));
  CHECK(world.connections() == 1);
}

TEST_CASE("after five faults in a row the next provider is asked") {
  llm_fixture world;
  for (int i = 0; i < 5; ++i)
    CHECK(!world.ask(world.call("[[status:500]]", "openai")));
  auto alone = world.ask(world.call("hello", "openai"));
  REQUIRE(!alone);
  CHECK(alone.error().code == errc::unavailable);
  CHECK(alone.error().retryable);
  REQUIRE(alone.error().retry_after);
  CHECK(*alone.error().retry_after > 8s);
  CHECK(*alone.error().retry_after <= 10s);
  auto before = world.seen().size();
  auto any = world.ask(world.call("hello", ""));
  REQUIRE(any);
  CHECK(any->provider() == "anthropic");
  CHECK(world.seen().size() == before + 1);
}

TEST_CASE("a provider that is not there is unavailable") {
  llm_fixture world{{}, {{"OPENAI_BASE_URL", "http://127.0.0.1:1/v1"}}};
  auto got = world.ask(world.call("hello"));
  REQUIRE(!got);
  CHECK(got.error().code == errc::unavailable);
  CHECK(got.error().retryable);
}

TEST_CASE("no key stands in an error or in the metrics") {
  llm_fixture world;
  auto got = world.ask(world.call("[[status:401]]"));
  REQUIRE(!got);
  CHECK(got.error().code == errc::denied);
  CHECK(got.error().text.find("secret") == std::string::npos);
  auto text = world.registry.render();
  CHECK(text.find("secret") == std::string::npos);
  CHECK(text.find("shannon_llm_calls_total{outcome=\"denied\","
                  "provider=\"openai\"} 1")
        != std::string::npos);
}

TEST_CASE("a PROVIDER that dies is started again, its calls are refused") {
  llm_fixture world;
  auto coming = world.begin(world.call("[[delay:3000]] hello"));
  REQUIRE(world.await_seen(any_open));
  world.crash("llm-provider/openai");
  auto got = coming.get();
  REQUIRE(!got);
  CHECK(got.error().code == errc::unavailable);
  CHECK(got.error().retryable);
  CHECK(world.await_seen(any_cut));
  auto until = std::chrono::steady_clock::now() + 10s;
  auto again = world.ask(world.call("hello"));
  while (!again && std::chrono::steady_clock::now() < until)
    again = world.ask(world.call("hello"));
  CHECK(again);
}

TEST_CASE("an LLM ROUTER that dies is started again, its askers are told") {
  llm_fixture world;
  auto coming = world.begin(world.call("[[delay:500]] hello"));
  REQUIRE(world.await_seen(any_open));
  world.crash("llm/worker");
  auto got = coming.get();
  REQUIRE(!got);
  CHECK(got.error().code == errc::unavailable);
  auto until = std::chrono::steady_clock::now() + 10s;
  auto again = world.ask(world.call("hello"));
  while (!again && std::chrono::steady_clock::now() < until)
    again = world.ask(world.call("hello"));
  CHECK(again);
}

TEST_CASE("the models that can be used are listed") {
  llm_fixture world{{},
                    {{"ANTHROPIC_API_KEY", ""}, {"ANTHROPIC_BASE_URL", ""}}};
  auto list = world.models();
  bool local = false;
  for (const auto& model : list.models()) {
    CHECK(model.provider() != "anthropic");
    local |= model.provider() == "local";
    if (model.model() == "gpt-5")
      CHECK(model.output_nanousd_per_token() == 10'000);
  }
  CHECK(local);
}

TEST_CASE("without keys the local model answers in a stream, at no cost") {
  llm_fixture world{{},
                    {{"OPENAI_API_KEY", ""},
                     {"OPENAI_BASE_URL", ""},
                     {"ANTHROPIC_API_KEY", ""},
                     {"ANTHROPIC_BASE_URL", ""}}};
  auto call = world.call("Why is the sky blue?", "");
  auto got = world.ask(call);
  REQUIRE(got);
  CHECK(got->provider() == "local");
  CHECK(got->model() == "local-rules-1");
  CHECK(got->usage().cost_nanousd() == 0);
  std::string text;
  auto all = world.deltas();
  for (const auto& delta : all)
    text += delta.text();
  CHECK(all.size() > 1);
  CHECK(text == got->message().text());
  CHECK(world.seen().empty());
}

TEST_CASE("a call without messages or with an unknown model is refused") {
  llm_fixture world;
  auto empty = world.call("hello");
  empty.mutable_request()->clear_messages();
  CHECK(world.ask(empty).error().code == errc::invalid_argument);
  auto unknown = world.call("hello", "");
  unknown.mutable_request()->set_model("nothing-9");
  CHECK(world.ask(unknown).error().code == errc::not_found);
  CHECK(world.seen().empty());
}
