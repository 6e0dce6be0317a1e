// Calls that pass the mailboxes of the role `llm`, against the scripted
// upstream, over real sockets.

#include "tests/llm/llm_fixture.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <thread>

using namespace shannon;
using namespace std::chrono_literals;
using test::llm_fixture;

namespace {

/// As a GATEWAY asks: of no run, for one model.
remote::LlmCall direct(const std::string& text, bool stream = false) {
  auto call = llm_fixture::call(text, "");
  call.mutable_context()->clear_log();
  call.mutable_context()->clear_agent();
  call.mutable_context()->clear_reply_deltas_to();
  call.mutable_request()->clear_tools();
  call.mutable_request()->set_model("gpt-4.1-mini");
  call.mutable_request()->set_stream(stream);
  return call;
}

constexpr auto soon = 10s;

result<remote::LlmResponse> await(std::future<result<remote::LlmResponse>> it) {
  if (it.wait_for(soon) != std::future_status::ready)
    return fail(errc::failed, "the test has no answer");
  return it.get();
}

/// Begins it, once the actors of a new world have said that they take offers.
std::shared_ptr<test::straight_listener>
begin(llm_fixture& world, const remote::LlmCall& call,
      std::chrono::milliseconds within = 60s,
      const std::shared_ptr<void>& place = nullptr) {
  auto until = std::chrono::steady_clock::now() + soon;
  auto heard = world.offer(call, within, place);
  while (!heard->has_begun() && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(2ms);
    heard = world.offer(call, within, place);
  }
  REQUIRE(heard->has_begun());
  return heard;
}

bool any_open(const std::vector<upstream::ledger_entry>& seen) {
  return !seen.empty() && seen.back().state == "open";
}

} // namespace

TEST_CASE("a straight call is answered whole, priced and counted") {
  llm_fixture world;
  auto call = direct("hello");
  auto heard = begin(world, call);
  auto got = await(heard->answer());
  REQUIRE(got);
  CHECK(got->message().text() == "This is the scripted answer after 0 turns.");
  CHECK(got->provider() == "openai");
  CHECK(got->usage().cost_nanousd() > 0);
  CHECK(got->first_token_us() > 0);
  CHECK(heard->pieces() == 0);
  auto seen = world.seen().back();
  CHECK(seen.attempt_key == call.context().attempt_key());
  CHECK(seen.traceparent == "00-trace");
  auto text = world.registry.render();
  CHECK(
      text.find("shannon_llm_calls_total{outcome=\"ok\",provider=\"openai\"} 1")
      != std::string::npos);
  CHECK(text.find("shannon_llm_calls_running{provider=\"openai\"} 0")
        != std::string::npos);
}

TEST_CASE("a straight stream tells its words as they come, and all of them") {
  llm_fixture world;
  auto heard = begin(world, direct("[[slow:30]] hello", true));
  auto got = await(heard->answer());
  REQUIRE(got);
  CHECK(heard->text() == got->message().text());
  CHECK(heard->pieces() >= 4);
  CHECK(got->first_token_us() < got->duration_us() / 2);
}

TEST_CASE("straight calls keep their connection") {
  llm_fixture world;
  for (int i = 0; i < 3; ++i)
    REQUIRE(await(begin(world, direct("hello"))->answer()));
  CHECK(world.connections() == 1);
}

TEST_CASE("what needs more than a socket is left to go the long way") {
  llm_fixture world;
  REQUIRE(await(begin(world, direct("hello"))->answer()));
  auto unknown = direct("hello");
  unknown.mutable_request()->set_model("no-such-model");
  CHECK_FALSE(world.offer(unknown)->has_begun());
  auto nothing = direct("hello");
  nothing.mutable_request()->clear_messages();
  CHECK_FALSE(world.offer(nothing)->has_begun());
  // The store is asked for it.
  auto named = direct("hello");
  auto& file = *named.mutable_request()->mutable_messages(1)->add_attachments();
  file.set_url("shannon:blob:" + std::string(64, 'a'));
  CHECK_FALSE(world.offer(named)->has_begun());
  auto local = direct("hello");
  local.mutable_request()->set_model("local");
  CHECK_FALSE(world.offer(local)->has_begun());
  // Its question alone costs more.
  auto dear = direct("hello");
  dear.mutable_request()->set_cost_nanousd_max(1);
  CHECK_FALSE(world.offer(dear)->has_begun());
  CHECK(world.seen().size() == 1);
}

TEST_CASE("a straight call that is cancelled closes its socket, and is no "
          "failure") {
  llm_fixture world;
  auto heard = begin(world, direct("[[slow:200]] hello", true));
  REQUIRE(world.await_seen(any_open));
  auto answer = heard->answer();
  world.cancel(heard);
  REQUIRE(world.await_seen(
      [](const auto& seen) { return seen.back().state == "cut"; }));
  CHECK(answer.wait_for(50ms) == std::future_status::timeout);
  CHECK(world.registry.render().find("outcome=\"cancelled\"")
        != std::string::npos);
}

TEST_CASE("a straight call keeps the deadline of who asks") {
  llm_fixture world;
  auto got
      = await(begin(world, direct("[[delay:5000]] hello"), 100ms)->answer());
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::timeout);
}

TEST_CASE("tokens of a straight stream that stay away end it") {
  config::llm_settings settings;
  settings.between_tokens_timeout = 150ms;
  llm_fixture world{settings};
  auto got = await(begin(world, direct("[[stall]] hello", true))->answer());
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::timeout);
  CHECK(got.error().text.find("stalled") != std::string::npos);
}

TEST_CASE("straight calls and others share a provider's breaker") {
  llm_fixture world;
  for (int i = 0; i < 5; ++i) {
    auto heard = begin(world, direct("[[status:500]]"));
    REQUIRE_FALSE(await(heard->answer()));
  }
  CHECK_FALSE(world.offer(direct("hello"))->has_begun());
  auto refused = world.ask(direct("hello"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().retry_after);
  CHECK(world.seen().size() == 5);
}

TEST_CASE("straight calls and others share a provider's places, and whoever "
          "waits goes first") {
  config::llm_settings settings;
  settings.concurrent_calls_max = 1;
  llm_fixture world{settings};
  auto first = begin(world, direct("[[delay:300]] hello"));
  CHECK_FALSE(world.offer(direct("hello"))->has_begun());
  auto waits = world.begin(direct("[[delay:300]] second"));
  auto text = [&] { return world.registry.render(); };
  for (int i = 0; i < 1'000
                  && text().find("calls_waiting{provider=\"openai\"} 1")
                         == std::string::npos;
       ++i)
    std::this_thread::sleep_for(2ms);
  REQUIRE(await(first->answer()));
  // The place is that one's from the moment it is free.
  CHECK_FALSE(world.offer(direct("hello"))->has_begun());
  REQUIRE(waits.wait_for(soon) == std::future_status::ready);
  CHECK(waits.get());
  CHECK(world.offer(direct("hello"))->has_begun());
}

TEST_CASE("when a PROVIDER dies its straight calls end, and later ones begin") {
  llm_fixture world;
  auto heard = begin(world, direct("[[slow:200]] hello", true));
  REQUIRE(world.await_seen(any_open));
  world.crash("llm-provider/openai");
  auto got = await(heard->answer());
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::unavailable);
  CHECK(await(begin(world, direct("hello"))->answer()));
}

TEST_CASE("the place of a straight call is given back when it has ended") {
  llm_fixture world;
  auto place = std::make_shared<int>(0);
  auto heard = begin(world, direct("hello"), 60s, place);
  REQUIRE(await(heard->answer()));
  CHECK(place.use_count() == 1);
}
