// Links the engine alone: no CAF, no Postgres, no clock.

#include "tests/kit/run_driver.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::workflow;

namespace {

/// A tool that answers its arguments in brackets.
durable_run::effect_outcome echo(const durable_run::effect_start& start) {
  remote::ToolResult out;
  out.set_success(true);
  const auto& request = dynamic_cast<const remote::ToolRequest&>(*start.input);
  out.set_output("[" + request.arguments_json() + "]");
  return {out.SerializeAsString(), {}, {}, 5};
}

remote::ToolRequest call(std::string arguments) {
  remote::ToolRequest request;
  request.set_tool("echo");
  request.set_arguments_json(std::move(arguments));
  return request;
}

/// Two steps side by side, a nap, a note, then one that needs them all.
durable<std::string> errand(context ctx, std::string input) {
  std::vector<durable<remote::ToolResult>> parts;
  parts.push_back(ctx.scope("left").step("get", call(input + "1")));
  parts.push_back(ctx.scope("right").step("get", call(input + "2")));
  auto got = co_await all(std::move(parts));
  co_await ctx.sleep("nap", std::chrono::seconds{5});
  auto at = ctx.now_us("after-nap");
  auto joined = co_await ctx.step(
      "join", call(got[0].output() + got[1].output() + std::to_string(at)));
  co_return joined.output();
}

durable_run::effect_outcome flaky(error why) {
  return {tl::unexpected<error>(std::move(why)), {}, {}, 0};
}

} // namespace

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

TEST_CASE("an effect starts only after the facts before it are on disk") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    facts::Event event;
    event.set_type("PROGRESS");
    ctx.publish("said", event);
    auto got = co_await ctx.step("get", call("a"));
    co_return got.output();
  };
  run_driver world{code, echo};
  world.begin("");
  auto agenda = world.run->next(1);
  CHECK(agenda.append.size() == 2); // RunStarted and the note.
  CHECK(agenda.start.empty());
  CHECK_FALSE(agenda.idle);
  CHECK(world.run->next(2).start.empty());
  world.run->committed(3);
  CHECK(world.run->next(4).start.size() == 1);
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

TEST_CASE("cancel stops what runs and starts nothing more") {
  run_driver world{errand, echo};
  world.begin("x");
  world.step(); // RunStarted is on disk.
  auto agenda = world.run->next(world.now_us);
  REQUIRE(agenda.start.size() == 2);
  CHECK(world.run->cancel("enough", "user", world.now_us));
  CHECK_FALSE(world.run->cancel("again", "user", world.now_us));
  world.settle();
  CHECK(world.run->status() == store::log_status::cancelled);
  CHECK(world.stopped == std::set<std::string>{"left/get#1", "right/get#1"});
  CHECK(world.started.empty()); // What was started was before `settle`.
  CHECK(world.event_types()
        == std::vector<std::string>{"WORKFLOW_STARTED", "WORKFLOW_CANCELLING",
                                    "WORKFLOW_CANCELLED"});
  world.crash();
  CHECK(world.run->status() == store::log_status::cancelled);
}

TEST_CASE("a changed input parks the run with both sides") {
  auto asks = [](std::string what) {
    return [what](context ctx, std::string) -> durable<std::string> {
      auto first = co_await ctx.step("first", call(what));
      auto got = co_await ctx.step("second", call("b"));
      co_return got.output();
    };
  };
  run_driver old_code{asks("a"), echo};
  old_code.begin("");
  for (int i = 0; i < 3; ++i)
    old_code.step();
  REQUIRE(old_code.fact(2).has_step_completed());
  run_driver new_code{asks("changed"), echo};
  new_code.log = old_code.log;
  new_code.crash();
  new_code.settle();
  CHECK(new_code.run->status() == store::log_status::needs_operator);
  auto parked = new_code.fact(new_code.log.size()).run_parked();
  CHECK(to_string(parked.step()) == "first#1");
  CHECK_FALSE(parked.recorded().empty());
  CHECK(parked.asked().find("changed") != std::string::npos);
  CHECK(new_code.started.empty());
}

TEST_CASE("steps that were added run and steps that were removed are passed") {
  auto before = [](context ctx, std::string) -> durable<std::string> {
    co_await ctx.step("gone", call("a"));
    auto kept = co_await ctx.step("kept", call("b"));
    co_await ctx.sleep("wait", std::chrono::hours{1});
    co_return kept.output();
  };
  auto after = [](context ctx, std::string) -> durable<std::string> {
    co_await ctx.step("added", call("n"));
    auto kept = co_await ctx.step("kept", call("b"));
    co_return kept.output();
  };
  run_driver old_code{before, echo};
  old_code.begin("");
  for (int i = 0; i < 6; ++i)
    old_code.step();
  run_driver new_code{after, echo};
  new_code.log = old_code.log;
  new_code.crash();
  new_code.settle();
  CHECK(new_code.run->output() == "[b]");
  CHECK(new_code.started == std::map<std::string, int>{{"added#1", 1}});
}

TEST_CASE("signals are kept in order, once each, until somebody listens") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    co_await ctx.sleep("later", std::chrono::seconds{1});
    auto first = co_await ctx.signal("word");
    auto second = co_await ctx.signal("word");
    auto third = co_await ctx.signal("word");
    co_return first + second + third;
  };
  run_driver world{code, echo};
  world.begin("");
  world.step();
  world.run->signal("word", "1", "a", world.now_us);
  world.run->signal("word", "1", "a", world.now_us);
  world.run->signal("word", "2", "b", world.now_us);
  world.settle();
  world.crash();
  world.run->signal("word", "2", "b", world.now_us);
  world.run->signal("word", "3", "c", world.now_us);
  world.settle();
  CHECK(world.run->output() == "abc");
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

TEST_CASE("a child's facts are taken once and in order") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    auto word = co_await ctx.signal("done");
    co_return word;
  };
  run_driver world{code, echo};
  world.begin("");
  world.settle();
  facts::Event event;
  event.set_type("AGENT_THINKING");
  auto tell = [&](std::int64_t version) {
    return world.run->child_progressed("kid", version, event, world.now_us);
  };
  CHECK(tell(1) == 0);
  CHECK(tell(1) == 0); // A repeat while the first is on its way.
  CHECK(tell(3) == 0); // A gap is not taken.
  world.settle();
  CHECK(tell(1) == 1);
  tell(2);
  world.settle();
  world.crash();
  CHECK(world.run->child_version("kid") == 2);
  CHECK(tell(2) == 2);
  CHECK(world.log.size() == 3);
}

TEST_CASE("a run that grows beyond its limit is parked, not lost") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    for (;;)
      co_await ctx.step("again", call("a"));
  };
  run_options small;
  small.facts_max = 20;
  run_driver world{code, echo, small};
  world.begin("");
  world.settle();
  CHECK(world.run->status() == store::log_status::needs_operator);
  CHECK(world.log.size() < 30);
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

TEST_CASE("a signal after the end is decided is refused, not written") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    auto got = co_await ctx.step("get", call("a"));
    co_return got.output();
  };
  run_options options;
  options.ends_stream = true;
  run_driver world{code, echo, options};
  world.begin("");
  world.step();
  world.step(); // The step has ended, and with it the run; not on disk.
  CHECK(world.run->state() == durable_run::phase::ended);
  CHECK_FALSE(world.run->ended());
  CHECK(world.run->signal("word", "1", "late", world.now_us)
        == durable_run::signal_outcome::ended);
  world.settle();
  CHECK(world.event_types().back() == "STREAM_END");
}

TEST_CASE("a parked run that is being cancelled ends, also over a crash") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    co_await ctx.signal("never");
    co_return std::string{};
  };
  run_options options;
  options.ends_stream = true;
  run_driver world{code, echo, options};
  world.begin("");
  world.settle();
  world.run->park("failed too often", world.now_us);
  world.settle();
  REQUIRE(world.run->status() == store::log_status::needs_operator);
  REQUIRE(world.run->cancel("enough", "user", world.now_us));
  world.step();
  world.log.resize(3); // CancelRequested is on disk, the end is not.
  world.crash();
  world.settle();
  CHECK(world.run->status() == store::log_status::cancelled);
  CHECK(world.event_types().back() == "STREAM_END");
}

TEST_CASE("a parked run says so once, however often it is read") {
  auto asks = [](std::string what) {
    return [what](context ctx, std::string) -> durable<std::string> {
      co_await ctx.step("first", call(what));
      co_await ctx.signal("never");
      co_return std::string{};
    };
  };
  run_driver old_code{asks("a"), echo};
  old_code.begin("");
  old_code.settle();
  run_driver new_code{asks("changed"), echo};
  new_code.log = old_code.log;
  for (int i = 0; i < 3; ++i) {
    new_code.crash();
    new_code.settle();
    CHECK(new_code.run->status() == store::log_status::needs_operator);
    CHECK(new_code.log.size() == old_code.log.size() + 1);
  }

  auto endless = [](context ctx, std::string) -> durable<std::string> {
    for (;;)
      co_await ctx.step("again", call("a"));
  };
  run_options small;
  small.facts_max = 10;
  run_driver full{endless, echo, small};
  full.begin("");
  full.settle();
  auto size = full.log.size();
  full.crash();
  CHECK_FALSE(full.replay_failed);
  full.settle();
  CHECK(full.log.size() == size);
  CHECK(full.run->decided_version() == static_cast<log_version>(size));
  CHECK(full.run->status() == store::log_status::needs_operator);
}

TEST_CASE("a run that is parked stops what it has started") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    auto got = co_await ctx.step("get", call("a"));
    co_return got.output();
  };
  run_driver world{code, echo};
  world.begin("");
  world.step();
  REQUIRE(world.run->next(world.now_us).start.size() == 1);
  world.run->park("failed too often", world.now_us);
  world.settle();
  CHECK(world.stopped == std::set<std::string>{"get#1"});
}

TEST_CASE("a parked run that is cancelled starts nothing and ends last") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    auto slow = ctx.scope("slow").step("wait", call("s"));
    co_await ctx.step("get", call("a"));
    facts::Event event;
    event.set_type("PROGRESS");
    ctx.publish("said", event);
    co_await slow;
    co_return std::string{};
  };
  run_driver world{code, echo};
  world.begin("");
  world.step();
  auto agenda = world.run->next(world.now_us);
  REQUIRE(agenda.start.size() == 2);
  auto& get = agenda.start[agenda.start[0].key == "get#1" ? 0 : 1];
  world.run->effect_ended(get.key, 1, echo(get), world.now_us);
  world.run->park("failed too often", world.now_us);
  world.settle();
  REQUIRE(world.run->status() == store::log_status::needs_operator);
  REQUIRE(world.run->cancel("enough", "user", world.now_us));
  world.settle();
  CHECK(world.run->status() == store::log_status::cancelled);
  CHECK(world.event_types().back() == "WORKFLOW_CANCELLED");
  CHECK(world.started.empty());
}

TEST_CASE("what a cancel could not stop before a crash is stopped after it") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    std::vector<durable<remote::AgentReport>> parts;
    parts.push_back(ctx.scope("left").step("ask", remote::AgentBrief{}));
    parts.push_back(ctx.scope("right").step("ask", remote::AgentBrief{}));
    co_await all(std::move(parts));
    co_return std::string{};
  };
  run_driver world{code, echo};
  world.begin("x");
  world.step();
  REQUIRE(world.run->next(world.now_us).start.size() == 2);
  world.run->cancel("enough", "user", world.now_us);
  world.step(); // On disk; who was started has not been told.
  REQUIRE(world.stopped.empty());
  CHECK(world.fact(world.log.size()).has_cancel_requested());
  world.crash();
  world.settle();
  CHECK(world.stopped == std::set<std::string>{"left/ask#1", "right/ask#1"});
  CHECK(world.run->status() == store::log_status::cancelled);
}

TEST_CASE("a run that fails on and on while it is cancelled ends cancelled") {
  run_driver world{errand, echo};
  world.begin("x");
  world.step();
  world.run->cancel("enough", "user", world.now_us);
  world.step();
  world.crash();
  world.run->park("failed 5 times in a row", world.now_us);
  world.settle();
  CHECK(world.run->status() == store::log_status::cancelled);
}

TEST_CASE("a log that cannot be read is parked once and can be cancelled") {
  run_driver world{errand, echo};
  world.begin("x");
  for (int i = 0; i < 3; ++i)
    world.step();
  world.log[1].bytes = "\xff";
  auto size = world.log.size();
  for (int i = 0; i < 3; ++i) {
    world.crash();
    CHECK(world.replay_failed);
    world.run->park("cannot be read", world.now_us);
    world.settle();
    CHECK(world.log.size() == size + 1);
    CHECK(world.run->decided_version() == static_cast<log_version>(size + 1));
    CHECK(world.run->status() == store::log_status::needs_operator);
  }
  CHECK(world.run->cancel("enough", "user", world.now_us));
  world.settle();
  CHECK(world.run->status() == store::log_status::cancelled);
}

TEST_CASE("a sleep longer than clocks reach is cut, not wrapped round") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    co_await ctx.sleep("ages", std::chrono::microseconds::max());
    co_return std::string{"awake"};
  };
  run_driver world{code, echo};
  world.begin("");
  world.step();
  CHECK(world.fact(2).timer_set().due_at_us() > world.now_us);
  CHECK(world.run->state() == durable_run::phase::running);
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

TEST_CASE("n steps are n + 1 appends: the last outcome is the end too") {
  for (int steps : {1, 10}) {
    auto code = [steps](context ctx, std::string) -> durable<std::string> {
      for (int i = 0; i < steps; ++i)
        co_await ctx.step("work", call("a"));
      co_return "done";
    };
    run_options options;
    options.ends_stream = true;
    run_driver world{code, echo, options};
    world.begin("");
    world.settle();
    CHECK(world.run->ended());
    CHECK(world.log.size() == static_cast<std::size_t>(steps + 3));
    CHECK(world.appends == steps + 1);
  }
}

TEST_CASE("what is decided ahead is told and started only once on disk") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    co_await ctx.step("first", call("a"));
    auto got = co_await ctx.step("second", call("b"));
    co_return got.output();
  };
  run_driver world{code, echo};
  std::vector<log_version> told;
  world.begin("");
  world.run->on_stored = [&](log_version version, const facts::Fact&) {
    told.push_back(version);
    CHECK(world.run->stored_version() == version);
  };
  CHECK(world.run->decided_version() == 1);
  CHECK(world.run->stored_version() == 0);
  CHECK_FALSE(world.run->quiet());
  world.run->next(1);
  CHECK(told.empty());
  world.run->committed(1);
  CHECK(told == std::vector<log_version>{1});
  CHECK(world.run->quiet());
  auto agenda = world.run->next(2);
  REQUIRE(agenda.start.size() == 1);
  world.run->effect_ended("first#1", 1, echo(agenda.start[0]), 3);
  CHECK(world.run->decided_version() == 2);
  agenda = world.run->next(4);
  CHECK(agenda.append.size() == 1);
  CHECK(agenda.start.empty());
  world.run->committed(5);
  CHECK(world.run->next(6).start.size() == 1);
}

TEST_CASE("an append that is lost leaves no trace of what was decided ahead") {
  run_driver world{errand, echo};
  world.begin("x");
  world.step();
  auto agenda = world.run->next(world.now_us);
  REQUIRE(agenda.start.size() == 2);
  for (auto& start : agenda.start)
    world.run->effect_ended(start.key, 1, echo(start), world.now_us);
  REQUIRE(world.run->next(world.now_us).append.size() == 3);
  world.crash();
  CHECK(world.run->decided_version() == 1);
  agenda = world.run->next(world.now_us);
  CHECK(agenda.append.empty());
  CHECK(agenda.start.size() == 2);
}

TEST_CASE("the append that begins a wait says that the run is idle") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    co_await ctx.signal("go");
    co_await ctx.sleep("nap", std::chrono::seconds{5});
    auto got = co_await ctx.step("get", call("a"));
    co_return got.output();
  };
  run_driver world{code, echo};
  world.begin("");
  auto agenda = world.run->next(1'000);
  CHECK(agenda.append.size() == 1);
  CHECK(agenda.idle);
  CHECK(agenda.wake_at_us == std::nullopt);
  CHECK(agenda.status == store::log_status::running);
  world.run->committed(1'000);
  world.run->signal("go", "1", "", 2'000);
  agenda = world.run->next(2'000);
  CHECK(agenda.append.size() == 2); // The signal, and the timer it led to.
  CHECK(agenda.idle);
  CHECK(agenda.wake_at_us == 5'002'000);
  world.run->committed(3'000);
  world.run->tick(5'002'000);
  agenda = world.run->next(5'002'000);
  CHECK_FALSE(agenda.idle); // A step can be started once that is on disk.
  world.run->committed(5'003'000);
  agenda = world.run->next(5'003'000);
  REQUIRE(agenda.start.size() == 1);
  CHECK_FALSE(agenda.idle); // It is under way.
}

TEST_CASE("timers that are due together fire in the order of their times") {
  auto nap = [](context ctx, int seconds) -> durable<nothing> {
    co_await ctx.sleep("nap", std::chrono::seconds{seconds});
    co_return nothing{};
  };
  auto code = [nap](context ctx, std::string) -> durable<std::string> {
    std::vector<durable<nothing>> naps;
    naps.push_back(nap(ctx.scope("a"), 3));
    naps.push_back(nap(ctx.scope("b"), 1));
    naps.push_back(nap(ctx.scope("c"), 2));
    co_await all(std::move(naps));
    co_return "awake";
  };
  run_driver world{code, echo};
  world.begin("");
  world.step();
  world.run->tick(world.now_us + 10'000'000);
  world.step();
  CHECK(world.fact(5).timer_fired().step().scope() == "b");
  CHECK(world.fact(6).timer_fired().step().scope() == "c");
  CHECK(world.fact(7).timer_fired().step().scope() == "a");
}

TEST_CASE("a cancel is stored before it is said to be") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    co_await ctx.signal("never");
    co_return std::string{};
  };
  run_driver world{code, echo};
  world.begin("");
  world.step();
  REQUIRE(world.run->cancel("enough", "user", world.now_us));
  CHECK(world.run->cancelling());
  CHECK_FALSE(world.run->cancel_stored());
  CHECK_FALSE(world.run->ended());
  world.step();
  CHECK(world.run->cancel_stored());
  CHECK(world.run->ended());
  CHECK(world.appends == 2);
}
