// What the simulator found where one turn of a run ends and the next begins.

#include "actors/workflow/engine/context.hpp"
#include "actors/workflow/engine/run.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::workflow;

namespace {

void begin(durable_run& run) {
  facts::RunStarted started;
  started.mutable_input()->set_inline_("1");
  facts::Event event;
  event.set_type("WORKFLOW_STARTED");
  run.begin(std::move(started), std::move(event), 1);
}

/// Begins anew twice at once, then waits.
durable<std::string> three_turns(context ctx, std::string input) {
  if (input != "3") {
    auto again = ctx.continue_as_new(input == "1" ? "2" : "3");
    co_await again;
  }
  auto next = ctx.signal("go");
  std::string payload = co_await next;
  co_return payload;
}

/// Leaves a step behind in its first turn, and asks for it in its second.
durable<std::string> same_step(context ctx, std::string input) {
  remote::ToolRequest request;
  request.set_tool("any");
  auto step = ctx.step("ask", std::move(request));
  if (input == "1") {
    auto rest = ctx.sleep("rest", std::chrono::microseconds{10});
    co_await rest;
    auto again = ctx.continue_as_new("2");
    co_await again;
  }
  remote::ToolResult result = co_await step;
  co_return result.output();
}

} // namespace

TEST_CASE("a signal that comes while a new turn is on its way is carried on") {
  durable_run run{three_turns, {}};
  begin(run);
  REQUIRE(run.next(1).append.back().has_run_continued());
  run.signal("go", "1", "now", 2);
  run.committed(3);
  auto second = run.next(3).append;
  REQUIRE(second.size() == 2);
  CHECK(second[0].has_signal_received());
  REQUIRE(second[1].has_run_continued());
  CHECK(second[1].run_continued().signals_size() == 1);
  run.committed(4);
  auto last = run.next(4).append;
  REQUIRE(last.size() == 1);
  CHECK(last[0].run_completed().output().inline_() == "now");
}

TEST_CASE("a cancel that comes while a new turn is on its way ends the run") {
  durable_run run{three_turns, {}};
  begin(run);
  REQUIRE(run.next(1).append.back().has_run_continued());
  CHECK(run.cancel("enough", "test", 2));
  run.committed(3);
  auto second = run.next(3).append;
  REQUIRE(second.size() == 2);
  CHECK(second[0].has_cancel_requested());
  CHECK(second[1].has_run_cancelled());
}

TEST_CASE("a late answer of the turn before is not taken for this turn's") {
  durable_run run{same_step, {}};
  begin(run);
  run.next(1);
  run.committed(1);
  auto first = run.next(1);
  REQUIRE(first.start.size() == 1);
  auto ending = run.next(20);
  REQUIRE(ending.append.back().has_run_continued());
  run.committed(20);
  auto second = run.next(20);
  REQUIRE(second.start.size() == 1);
  CHECK(second.start[0].key != first.start[0].key);
  CHECK(second.start[0].step.key() == "ask");
  run.effect_ended(first.start[0].key, 1, {std::string{}, {}, {}, 0}, 21);
  CHECK(run.next(21).append.empty());
  run.effect_ended(second.start[0].key, 1, {std::string{}, {}, {}, 0}, 22);
  CHECK_FALSE(run.next(22).append.empty());
}
