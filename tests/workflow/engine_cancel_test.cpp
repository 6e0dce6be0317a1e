// Cancelling a run.

#include "tests/workflow/engine_world.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::workflow;

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

TEST_CASE("a run ends once what goes on without it has taken that it is to "
          "stop") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    auto got = co_await ctx.child("part", remote::ChildRun{});
    co_return got.output();
  };
  run_driver world{code,
                   [](const auto&) { return durable_run::effect_outcome{}; }};
  world.hangs = [](const auto&) { return true; };
  world.deaf = true;
  world.begin("");
  world.settle();
  REQUIRE(world.run->cancel("enough", "test", world.now_us));
  world.settle();
  CHECK(world.stopped == std::set<std::string>{"part#1"});
  CHECK(world.fact(world.log.size()).has_cancel_requested());
  CHECK_FALSE(world.run->next(world.now_us).idle);
  REQUIRE(world.run->describe().waits_size() == 1);
  CHECK(world.run->describe().waits(0).kind() == "stop");
  // The process dies: it is told again, and takes it now.
  world.stopped.clear();
  world.deaf = false;
  world.crash();
  world.settle();
  CHECK(world.stopped == std::set<std::string>{"part#1"});
  CHECK(world.run->ended());
}

TEST_CASE("a child that took too long is told to stop, also after a crash") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    step_options limit;
    limit.total_timeout = std::chrono::milliseconds{1'000};
    try {
      auto part = ctx.step("part", remote::ChildRun{}, limit);
      co_await part;
    } catch (const step_failed&) {
    }
    co_return co_await ctx.signal("go");
  };
  run_driver world{code,
                   [](const auto&) { return durable_run::effect_outcome{}; }};
  world.hangs = [](const auto&) { return true; };
  world.deaf = true;
  world.begin("");
  world.settle();
  REQUIRE(world.stopped == std::set<std::string>{"part#1"});
  world.stopped.clear();
  world.deaf = false;
  world.crash();
  world.settle();
  CHECK(world.stopped == std::set<std::string>{"part#1"});
  CHECK(world.run->next(world.now_us).idle);
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
