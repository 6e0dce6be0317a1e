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

namespace {

/// One step, whose first attempt comes to nothing for this reason.
struct lost_attempt {
  explicit lost_attempt(errc why)
      : world{[](context ctx, std::string) -> durable<std::string> {
                auto got = co_await ctx.step("ask", call("1"));
                co_return got.output();
              },
              [why](const auto& start) {
                return start.attempt == 1 ? flaky({why, "gone", true, {}})
                                          : echo(start);
              }} {
    world.begin("x");
    // On until the failure is on disk, and no further.
    while (world.log.size() < 2)
      world.step();
  }

  /// `KEY/ATTEMPT`.
  std::vector<std::string> told() {
    std::vector<std::string> out;
    for (const auto& stop : world.run->next(world.now_us).stop)
      out.push_back(stop.key + "/" + std::to_string(stop.attempt));
    return out;
  }

  run_driver world;
};

using keys = std::vector<std::string>;

} // namespace

TEST_CASE("an attempt whose worker was lost is told to stop, for it may go on "
          "there, by whoever carries the run") {
  auto why = GENERATE(errc::unavailable, errc::timeout);
  lost_attempt it{why};
  REQUIRE(it.world.fact(2).has_attempt_failed());
  SECTION("once that is on disk") {
    CHECK(it.told() == keys{"ask#1/1"});
  }
  SECTION("by who comes after a crash, before it makes the next") {
    it.world.crash();
    CHECK(it.told() == keys{"ask#1/1"});
    it.world.settle();
    CHECK(it.world.run->ended());
  }
  SECTION("with the next, where the run is cancelled") {
    it.told();
    it.world.crash();
    it.world.run->cancel("enough", "user", it.world.now_us);
    it.world.run->next(it.world.now_us);
    it.world.run->committed(it.world.now_us);
    CHECK(it.told() == keys{"ask#1/1", "ask#1/2"});
  }
}

TEST_CASE("an attempt that was answered with an error is over") {
  lost_attempt it{errc::overloaded};
  CHECK(it.told().empty());
  it.world.crash();
  CHECK(it.told().empty());
}

TEST_CASE(
    "an attempt that is made again after a crash is told to stop wherever "
    "it goes on still, once its outcome is on disk") {
  run_driver world{errand, echo};
  world.begin("x");
  world.step();
  REQUIRE(world.run->next(world.now_us).start.size() == 2);
  world.crash();
  world.settle();
  CHECK(world.run->ended());
  CHECK(world.stopped == std::set<std::string>{"left/get#1", "right/get#1"});
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
