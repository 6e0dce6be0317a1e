// A run that is paused and goes on.

#include "actors/workflow/engine/events.hpp"
#include "tests/workflow/engine_world.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::workflow;

namespace {

/// Two calls one after the other.
durable<std::string> two_calls(context ctx, std::string) {
  auto one = co_await ctx.step("one", call("1"));
  auto two = co_await ctx.step("two", call("2"));
  co_return one.output() + two.output();
}

/// `two_calls` with the first call under way.
run_driver with_one_call() {
  run_driver world{two_calls, echo};
  world.hangs = [](const auto&) { return true; };
  world.begin("");
  world.settle();
  REQUIRE(world.started == std::map<std::string, int>{{"one#1", 1}});
  return world;
}

} // namespace

TEST_CASE("a paused run lets what is under way end, and begins nothing") {
  auto world = with_one_call();
  REQUIRE(world.run->pause("lunch", "ann", world.now_us));
  CHECK_FALSE(world.run->pause("again", "bob", world.now_us));
  world.settle();
  CHECK(world.status == store::log_status::paused);
  CHECK(world.event_types().back() == "WORKFLOW_PAUSING");
  world.hangs = nullptr;
  world.settle();
  CHECK(world.started == std::map<std::string, int>{{"one#1", 1}});
  CHECK(world.event_types()
        == std::vector<std::string>{"WORKFLOW_STARTED", "WORKFLOW_PAUSING",
                                    "STEP_RECORDED", "WORKFLOW_PAUSED"});
  CHECK(world.fact(4).run_paused().checkpoint() == "two#1");
  CHECK(world.run->describe().pause().by() == "ann");
  CHECK(world.run->next(world.now_us).idle); // It needs no memory.
  REQUIRE(world.run->go_on_from_pause("back", "ann", world.now_us));
  world.settle();
  CHECK(world.run->output() == "[1][2]");
  CHECK(world.started
        == std::map<std::string, int>{{"one#1", 1}, {"two#1", 1}});
}

TEST_CASE("a crash does not end a pause, and makes no call before its end") {
  auto world = with_one_call();
  REQUIRE(world.run->pause("", "", world.now_us));
  world.settle();
  world.hangs = nullptr;
  world.crash();
  CHECK(world.run->paused());
  CHECK(world.run->status() == store::log_status::paused);
  world.settle();
  CHECK(world.started == std::map<std::string, int>{{"one#1", 1}});
  CHECK(world.event_types().back() == "WORKFLOW_PAUSED");
  world.crash();
  REQUIRE(world.run->go_on_from_pause("", "", world.now_us));
  world.settle();
  world.crash();
  CHECK_FALSE(world.run->paused());
  CHECK(world.run->output() == "[1][2]");
  // The call that the crash cut off is made again under the same key.
  CHECK(world.started["one#1"] == 2);
}

TEST_CASE("a paused run is cancelled like any other") {
  auto world = with_one_call();
  REQUIRE(world.run->pause("", "", world.now_us));
  world.settle();
  REQUIRE(world.run->cancel("enough", "ann", world.now_us));
  CHECK_FALSE(world.run->go_on_from_pause("", "", world.now_us));
  world.settle();
  CHECK(world.run->status() == store::log_status::cancelled);
  auto end = world.fact(world.log.size());
  CHECK(end.event().payload_json().find("\"was_paused\":true")
        != std::string::npos);
}

TEST_CASE("a child that a paused run has started is found again after a "
          "crash") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    auto got = co_await ctx.child("part", remote::ChildRun{});
    co_await ctx.step("next", call("1"));
    co_return got.output();
  };
  run_driver world{code, echo};
  world.hangs = [](const auto&) { return true; };
  world.begin("");
  world.settle();
  REQUIRE(world.started["part#1"] == 1);
  REQUIRE(world.run->pause("", "", world.now_us));
  world.settle();
  // It is not waited for: it pauses by itself.
  CHECK(world.event_types().back() == "WORKFLOW_PAUSED");
  world.crash();
  world.settle();
  CHECK(world.started["part#1"] == 2); // Asked for again, not begun again.
  world.hangs = nullptr;
  world.settle();
  CHECK(world.started["next#1"] == 0);
  CHECK(world.run->paused());
}

TEST_CASE("a run that continues as new while it is paused stays paused") {
  auto code = [](context ctx, std::string input) -> durable<std::string> {
    auto turn = co_await ctx.signal("turn");
    if (input.empty())
      co_await ctx.continue_as_new(turn);
    auto got = co_await ctx.step("work", call(input));
    co_return got.output();
  };
  run_driver world{code, echo};
  world.begin("");
  world.settle();
  REQUIRE(world.run->pause("", "ann", world.now_us));
  world.settle();
  world.run->signal("turn", "1", "anew", world.now_us);
  world.settle();
  world.run->signal("turn", "2", "go", world.now_us);
  world.settle();
  CHECK(world.base > 0);
  CHECK(world.run->paused());
  CHECK(world.status == store::log_status::paused);
  CHECK(world.started.empty());
  world.crash();
  CHECK(world.run->describe().pause().by() == "ann");
  REQUIRE(world.run->go_on_from_pause("", "", world.now_us));
  world.settle();
  CHECK(world.run->output() == "[anew]");
}

TEST_CASE("an agent says that it is paused under names of its own") {
  run_driver world{two_calls, echo};
  world.hangs = [](const auto&) { return true; };
  facts::RunStarted first;
  first.set_kind("agent");
  world.run->begin(std::move(first), event_of("AGENT_STARTED", ""), 0);
  world.settle();
  REQUIRE(world.run->pause("", "", world.now_us));
  world.settle();
  CHECK(world.event_types().back() == "AGENT_PAUSING");
}
