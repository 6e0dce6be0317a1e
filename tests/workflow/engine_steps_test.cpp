// Steps: tried, tried again, given up; over any crash.

#include "tests/workflow/engine_world.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::workflow;

TEST_CASE("a run ends with the output of its coroutine") {
  run_driver world{errand, echo};
  world.begin("x");
  world.settle();
  CHECK(world.run->state() == durable_run::phase::ended);
  CHECK(world.run->status() == store::log_status::completed);
  CHECK(world.run->output() == "[[x1][x2]6002000]");
  CHECK(world.event_types().front() == "WORKFLOW_STARTED");
  CHECK(world.event_types().back() == "WORKFLOW_COMPLETED");
}

TEST_CASE("a crash at any point repeats no recorded step and changes nothing") {
  run_driver whole{errand, echo};
  whole.begin("x");
  whole.settle();
  for (int crash_at = 1; crash_at < 40; ++crash_at) {
    run_driver world{errand, echo};
    world.begin("x");
    REQUIRE(world.step()); // The start is accepted.
    for (int i = 1; i < crash_at && world.step(); ++i) {
    }
    auto recorded = world.log.size();
    auto before = world.started;
    std::map<std::string, bool> done;
    for (std::size_t v = 1; v <= recorded; ++v)
      if (auto fact = world.fact(v); fact.has_step_completed())
        done[to_string(fact.step_completed().step())] = true;
    world.crash();
    REQUIRE_FALSE(world.replay_failed);
    world.settle();
    INFO("crash after step " << crash_at);
    CHECK(world.run->state() == durable_run::phase::ended);
    CHECK(world.run->output().substr(0, 10)
          == whole.run->output().substr(0, 10));
    for (auto& [key, was] : done)
      CHECK(world.started[key] == before[key]);
  }
}

TEST_CASE("a retryable failure is recorded, waited for and tried again") {
  int calls = 0;
  auto effects = [&](const durable_run::effect_start& start) {
    if (++calls < 3)
      return flaky(
          {errc::unavailable, "busy", true, std::chrono::milliseconds{2000}});
    CHECK(start.attempt == 3);
    return echo(start);
  };
  auto code = [](context ctx, std::string) -> durable<std::string> {
    auto got = co_await ctx.step("get", call("a"));
    co_return got.output();
  };
  run_driver world{code, effects};
  world.begin("");
  world.settle();
  CHECK(calls == 3);
  CHECK(world.run->output() == "[a]");
  CHECK(world.fact(2).has_attempt_failed());
  // Retry-After is a floor.
  CHECK(world.fact(2).attempt_failed().retry_at_us()
        >= world.fact(2).at_us() + 2'000'000);
}

TEST_CASE("attempts that are used up fail the step and the run says why") {
  auto effects = [](const durable_run::effect_start&) {
    return flaky({errc::unavailable, "down for good", true, std::nullopt});
  };
  auto code = [](context ctx, std::string) -> durable<std::string> {
    step_options twice;
    twice.attempts_max = 2;
    auto got = co_await ctx.step("get", call("a"), twice);
    co_return got.output();
  };
  run_driver world{code, effects};
  world.begin("");
  world.settle();
  CHECK(world.run->status() == store::log_status::failed);
  CHECK(world.run->failure().text == "down for good");
  CHECK(world.started["get#1"] == 2);
}

TEST_CASE("refusals for want of room are no attempts, up to a limit, also over "
          "a crash") {
  int refusals = 0;
  bool fails_once = false;
  auto code = [](context ctx, std::string) -> durable<std::string> {
    step_options patient;
    patient.attempts_max = 2;
    patient.refusals_max = 4;
    auto got = co_await ctx.step("get", call("a"), patient);
    co_return got.output();
  };
  auto effects = [&](const durable_run::effect_start& start) {
    if (refusals-- > 0)
      return flaky({errc::overloaded, "full", true, std::nullopt});
    if (std::exchange(fails_once, false))
      return flaky({errc::unavailable, "gone", true, std::nullopt});
    return echo(start);
  };
  run_driver world{code, effects};
  auto crashing = GENERATE(false, true);
  auto play = [&] {
    world.begin("");
    for (int appends = 0; world.step();)
      if (crashing && std::exchange(appends, world.appends) != world.appends)
        world.crash();
  };
  SECTION("the step is made once there is room") {
    refusals = 4;
    fails_once = true;
    play();
    CHECK(world.run->output() == "[a]");
    CHECK(world.started["get#1"] >= 6);
  }
  SECTION("more of them count") {
    refusals = 100;
    play();
    CHECK(world.run->status() == store::log_status::failed);
    CHECK(world.run->failure().code == errc::overloaded);
    CHECK(refusals == 94);
  }
}

TEST_CASE("a coroutine may catch a failed step and go on") {
  auto effects = [](const durable_run::effect_start& start) {
    if (start.step.key() == "bad")
      return flaky({errc::failed, "no", false, std::nullopt});
    return echo(start);
  };
  auto code = [](context ctx, std::string) -> durable<std::string> {
    std::string seen;
    try {
      co_await ctx.step("bad", call("a"));
    } catch (const step_failed& thrown) {
      seen = thrown.why().text;
    }
    auto got = co_await ctx.step("good", call(seen));
    co_return got.output();
  };
  run_driver world{code, effects};
  world.begin("");
  world.settle();
  CHECK(world.run->output() == "[no]");
}

TEST_CASE("big outputs live in the blob table and survive a replay") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    auto big = co_await ctx.step("big", call(std::string(20'000, 'x')));
    auto again = co_await ctx.step("again", call(big.output()));
    co_await ctx.sleep("wait", std::chrono::hours{1});
    co_return std::to_string(again.output().size());
  };
  run_driver world{code, echo};
  world.begin("");
  for (int i = 0; i < 6; ++i)
    world.step();
  CHECK(world.fact(2).step_completed().output().at_case()
        == facts::Body::kBlob);
  CHECK(world.log[1].bytes.size() < 500);
  world.crash();
  REQUIRE_FALSE(world.replay_failed);
  world.settle();
  CHECK(world.run->output() == "20004");
  CHECK(world.started["big#1"] == 1);
}

TEST_CASE("an attempt beyond its limit is stopped and tried again") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    step_options quick;
    quick.attempt_timeout = std::chrono::seconds{2};
    quick.attempts_max = 3;
    auto got = co_await ctx.step("slow", call("a"), quick);
    co_return got.output();
  };
  run_driver world{code, echo};
  world.begin("");
  world.step();
  auto first = world.run->next(world.now_us);
  REQUIRE(first.start.size() == 1);
  REQUIRE(first.wake_at_us == world.now_us + 2'000'000);
  world.now_us = *first.wake_at_us;
  world.run->tick(world.now_us);
  world.settle();
  CHECK(world.stopped.count("slow#1") == 1);
  CHECK(world.fact(2).attempt_failed().error_code() == "timeout");
  CHECK(world.run->output() == "[a]");
}

TEST_CASE("a whole step has one limit, also over a crash") {
  auto busy = [](const durable_run::effect_start&) {
    return flaky(
        {errc::unavailable, "busy", true, std::chrono::milliseconds{4'000}});
  };
  auto code = [](context ctx, std::string) -> durable<std::string> {
    step_options limited;
    limited.total_timeout = std::chrono::seconds{10};
    limited.attempts_max = 1'000;
    auto got = co_await ctx.step("busy", call("a"), limited);
    co_return got.output();
  };
  run_driver world{code, busy};
  world.begin("");
  auto began = world.now_us;
  for (int i = 0; i < 6; ++i)
    world.step();
  world.crash();
  world.settle();
  CHECK(world.run->status() == store::log_status::failed);
  CHECK(world.run->failure().code == errc::timeout);
  CHECK(world.now_us >= began + 10'000'000);
  CHECK(world.now_us < began + 11'000'000);
}

TEST_CASE("an at-most-once step is recorded before it is made") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    step_options once;
    once.at_most_once = true;
    std::string seen;
    try {
      auto got = co_await ctx.step("pay", call("a"), once);
      seen = got.output();
    } catch (const step_failed& thrown) {
      seen = thrown.why().text;
    }
    co_return seen;
  };
  run_driver calm{code, echo};
  calm.begin("");
  calm.settle();
  CHECK(calm.run->output() == "[a]");
  CHECK(calm.fact(2).has_step_started());

  run_driver world{code, echo};
  world.begin("");
  world.step(); // Started and announced.
  auto agenda = world.run->next(world.now_us);
  REQUIRE(agenda.start.size() == 1);
  world.crash(); // It may have been made: nobody knows.
  world.settle();
  CHECK(world.run->output().find("at most once") != std::string::npos);
  CHECK(world.started.empty()); // Nothing was made after the crash.
}

TEST_CASE("the first of a race wins and the others are stopped") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    std::vector<durable<remote::ToolResult>> parts;
    parts.push_back(ctx.scope("a").step("get", call("slow")));
    parts.push_back(ctx.scope("b").step("get", call("fast")));
    auto won = co_await race(std::move(parts));
    co_return std::to_string(won.index) + won.value.output();
  };
  run_driver world{code, echo};
  world.begin("");
  world.step();
  auto agenda = world.run->next(world.now_us);
  REQUIRE(agenda.start.size() == 2);
  world.run->effect_ended("b/get#1", 1, echo(agenda.start[1]), world.now_us);
  world.settle();
  CHECK(world.run->output() == "1[fast]");
  CHECK(world.stopped == std::set<std::string>{"a/get#1"});
  auto size = world.log.size();
  world.crash();
  world.settle();
  CHECK(world.log.size() == size);
}

TEST_CASE("at most once means not after a timeout either") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    step_options once;
    once.at_most_once = true;
    once.attempts_max = 3;
    co_await ctx.step("pay", call("a"), once);
    co_return std::string{};
  };
  run_driver world{code, [](const durable_run::effect_start&) {
                     return flaky({errc::timeout, "no answer", true, {}});
                   }};
  world.begin("");
  world.settle();
  CHECK(world.started["pay#1"] == 1);
  CHECK(world.run->status() == store::log_status::failed);
}
