// Recorded runs looked at again, by the program that wrote them and by others.

#include "actors/workflow/history/fact_line.hpp"
#include "actors/workflow/history/replay.hpp"
#include "tests/history/recorded_run.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::workflow;
using namespace shannon::history;
using phase = durable_run::phase;

namespace {

exported_log exported(const run_driver& world) {
  exported_log log;
  log.header.log = log_id{"task-1"};
  for (const auto& row : world.log)
    log.add(row.bytes);
  log.bodies = world.blobs;
  return log;
}

known_program known(program code) {
  return {std::move(code), task()};
}

/// A whole run of `everything`, 20 facts or so.
run_driver finished() {
  run_driver world{everything, fickle_tool{}, task()};
  world.begin(std::string(20'000, 'q'));
  world.settle();
  world.run->signal("go", "1", "p", world.now_us);
  world.settle();
  REQUIRE(world.run->status() == store::log_status::completed);
  return world;
}

log_version version_of(const exported_log& log, const std::string& line) {
  for (const auto& row : log.facts) {
    facts::Fact fact;
    fact.ParseFromString(row.bytes);
    if (fact_line(fact) == line)
      return row.version;
  }
  FAIL("no fact " << line);
  return 0;
}

std::string to_text(const result<std::optional<difference>>& found) {
  if (!found)
    return "error: " + found.error().text;
  if (!*found)
    return "none";
  return std::to_string((*found)->version) + ": recorded " + (*found)->recorded
         + ", decided " + (*found)->decided;
}

std::string difference_of(const exported_log& log, program code) {
  return to_text(first_difference(log, known(std::move(code))));
}

} // namespace

TEST_CASE("a run can be looked at as it stood at any version") {
  auto world = finished();
  auto log = exported(world);
  auto program = known(everything);
  auto first = stand_at(log, 1, &program, world.now_us);
  REQUIRE(first);
  CHECK(first->version == 1);
  CHECK(first->phase == phase::running);
  CHECK_FALSE(first->idle);
  REQUIRE(first->start.size() == 1);
  CHECK(first->start[0].key == "flaky#1");
  CHECK(first->start[0].effect == "tool");
  REQUIRE(first->append.size() == 1);
  CHECK(fact_line(first->append[0]) == "TimerSet flaky#1, deadline");

  auto failed = version_of(log, "AttemptFailed flaky#1, attempt 1: "
                                "unavailable: busy");
  auto backoff = stand_at(log, failed, &program, 0);
  REQUIRE(backoff);
  CHECK(backoff->start.empty());
  CHECK(backoff->idle);
  CHECK(backoff->wake_at_us > 0);

  auto last = static_cast<log_version>(log.facts.size());
  auto waiting = stand_at(log, last - 3, &program, world.now_us);
  REQUIRE(waiting);
  CHECK(waiting->phase == phase::running);
  CHECK(waiting->append.empty());
  CHECK(waiting->start.empty());
  CHECK(waiting->idle);

  auto end = stand_at(log, last, &program, world.now_us);
  REQUIRE(end);
  CHECK(end->phase == phase::ended);
  CHECK(end->status == store::log_status::completed);
  CHECK(end->append.empty());
}

TEST_CASE("without a program a run shows what its facts say") {
  auto world = finished();
  auto log = exported(world);
  log.bodies.clear();
  log.facts.resize(log.facts.size() - 3);
  // No body is needed for that: redacted files have none.
  auto at = stand_at(log, 1'000, nullptr, world.now_us);
  REQUIRE(at);
  CHECK(at->phase == phase::running);
  CHECK(at->version == static_cast<log_version>(log.facts.size()));
  CHECK(at->append.empty());
  CHECK(at->start.empty());
  // A program does need them.
  auto program = known(everything);
  auto without = stand_at(log, 1'000, &program, world.now_us);
  REQUIRE_FALSE(without);
  CHECK(without.error().text.find("missing") != std::string::npos);
}

TEST_CASE("the program that wrote a log decides it again, fact by fact") {
  auto world = finished();
  CHECK(difference_of(exported(world), everything) == "none");
  for (int crash_at = 1; crash_at < 40; ++crash_at) {
    run_driver other{everything, fickle_tool{}, task()};
    other.begin("x");
    for (int i = 0; i < crash_at && other.step(); ++i) {
    }
    INFO("crash after turn " << crash_at);
    CHECK(difference_of(exported(other), everything) == "none");
    other.crash();
    other.run->signal("go", "1", "p", other.now_us);
    other.settle();
    CHECK(store::is_terminal(other.run->status()));
    CHECK(difference_of(exported(other), everything) == "none");
  }
  for (int cancel_at = 1; cancel_at < 40; ++cancel_at) {
    run_driver other{everything, fickle_tool{}, task()};
    other.begin("x");
    for (int i = 0; i < cancel_at && other.step(); ++i) {
    }
    other.run->cancel("enough", "test", other.now_us);
    other.settle();
    INFO("cancel after turn " << cancel_at);
    CHECK(difference_of(exported(other), everything) == "none");
  }
}

TEST_CASE("a changed program is found at the first fact it decides not") {
  auto three = [](context ctx, std::string) -> durable<std::string> {
    co_await ctx.step("a", call("1"));
    co_await ctx.sleep("nap", 5s);
    co_await ctx.step("b", call("2"));
    co_return "done";
  };
  run_driver world{three, fickle_tool{}, task()};
  world.begin("x");
  world.settle();
  auto log = exported(world);
  REQUIRE(difference_of(log, three) == "none");
  auto line = [&](const std::string& fact) {
    return std::to_string(version_of(log, fact)) + ": recorded " + fact;
  };

  // A step less: its outcome was not asked for.
  CHECK(difference_of(log,
                      [](context ctx, std::string) -> durable<std::string> {
                        co_await ctx.step("a", call("1"));
                        co_await ctx.sleep("nap", 5s);
                        co_return "done";
                      })
        == line("StepCompleted b#1, attempt 1")
               + ", decided RunCompleted; StreamEnded");
  // A step more: the run does not end yet.
  CHECK(difference_of(log,
                      [](context ctx, std::string) -> durable<std::string> {
                        co_await ctx.step("a", call("1"));
                        co_await ctx.sleep("nap", 5s);
                        co_await ctx.step("b", call("2"));
                        co_await ctx.step("c", call("3"));
                        co_return "done";
                      })
        == line("RunCompleted") + ", decided start c#1");
  // Another name.
  CHECK(difference_of(log,
                      [](context ctx, std::string) -> durable<std::string> {
                        co_await ctx.step("a", call("1"));
                        co_await ctx.sleep("rest", 5s);
                        co_await ctx.step("b", call("2"));
                        co_return "done";
                      })
        == line("TimerSet nap#1") + ", decided TimerSet rest#1");
  // Another answer.
  CHECK(difference_of(log,
                      [](context ctx, std::string) -> durable<std::string> {
                        co_await ctx.step("a", call("1"));
                        co_await ctx.sleep("nap", 5s);
                        co_await ctx.step("b", call("2"));
                        co_return "well done";
                      })
        == line("RunCompleted") + ", decided RunCompleted; StreamEnded");
  // Nothing is asked for any more, and nothing is decided.
  CHECK(difference_of(log,
                      [](context ctx, std::string) -> durable<std::string> {
                        co_await ctx.step("a", call("1"));
                        co_await ctx.signal("never");
                        co_return "done";
                      })
        == line("TimerSet nap#1") + ", decided nothing: it waits");
}

TEST_CASE("changed input is shown recorded and asked side by side") {
  auto asking = [](std::string what) {
    return [what](context ctx, std::string) -> durable<std::string> {
      co_await ctx.step("a", call("1"));
      co_await ctx.step("b", call(what));
      co_return "done";
    };
  };
  run_driver world{asking("2"), fickle_tool{}, task()};
  world.begin("x");
  world.settle();
  auto log = exported(world);
  auto found = first_difference(log, known(asking("3")));
  REQUIRE(found);
  REQUIRE(*found);
  CHECK((*found)->version == version_of(log, "StepCompleted b#1, attempt 1"));
  CHECK((*found)->recorded.starts_with("b#1 with input "));
  CHECK((*found)->decided.starts_with("b#1 with input "));
  CHECK((*found)->recorded != (*found)->decided);

  auto program = known(asking("3"));
  auto before_end = static_cast<log_version>(log.facts.size()) - 2;
  auto at = stand_at(log, before_end, &program, world.now_us);
  REQUIRE(at);
  REQUIRE(at->mismatch);
  CHECK(at->mismatch->step().key() == "b");
  CHECK(at->mismatch->recorded() != at->mismatch->asked());
  // Another input, but before it was recorded: nothing contradicts it.
  at = stand_at(log, 2, &program, world.now_us);
  REQUIRE(at);
  CHECK_FALSE(at->mismatch);
}
