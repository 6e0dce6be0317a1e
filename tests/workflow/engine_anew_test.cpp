// Continuing as new: the same log, a new turn, and nothing needed from before.

#include "tests/workflow/engine_world.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::workflow;

namespace {

/// One step and one signal a turn, until told to stop.
durable<std::string> turns(context ctx, std::string turn) {
  ctx.set_attributes({{"turn", turn}});
  auto word = co_await ctx.signal("word");
  auto got = co_await ctx.step("say", call(turn + word));
  if (word == "stop")
    co_return got.output();
  co_await ctx.continue_as_new(std::to_string(std::stoi(turn) + 1));
  co_return "never";
}

void say(run_driver& world, const std::string& id, const std::string& word) {
  CHECK(world.run->signal("word", id, word, world.now_us)
        == durable_run::signal_outcome::staged);
}

std::size_t continued_at(const run_driver& world) {
  for (std::size_t i = 1; i <= world.log.size(); ++i)
    if (world.fact(i).has_run_continued())
      return i;
  return 0;
}

} // namespace

TEST_CASE("a run continues as new in the same log") {
  run_driver world{turns, echo};
  world.begin("1");
  world.settle();
  say(world, "1", "on");
  world.settle();
  auto at = continued_at(world);
  REQUIRE(at != 0);
  CHECK(world.base == at - 1);
  CHECK(world.fact(at).run_continued().input().inline_() == "2");
  CHECK(world.fact(at).run_continued().attributes().at("turn") == "1");
  CHECK(world.run->input() == "2");
  CHECK(world.run->attributes().at("turn") == "2");
  say(world, "2", "stop");
  world.settle();
  CHECK(world.run->output() == "[2stop]");
  // The same place in each turn, and another name outside.
  CHECK(world.started.size() == 2);
  CHECK(world.started["say#1"] == 1);
  CHECK(world.started["say#1@" + std::to_string(at - 1)] == 1);
}

TEST_CASE("a new turn is replayed without what came before it") {
  run_driver world{turns, echo};
  world.begin("1");
  world.settle();
  say(world, "1", "on");
  world.settle();
  auto whole = world.log;
  world.crash(); // From the base on, as a store gives it.
  REQUIRE_FALSE(world.replay_failed);
  CHECK(world.run->decided_version() == static_cast<log_version>(whole.size()));
  CHECK(world.run->input() == "2");
  say(world, "2", "stop");
  world.settle();
  CHECK(world.run->output() == "[2stop]");
  // A whole log serves as well.
  world.log = whole;
  world.base = 0;
  world.crash();
  REQUIRE_FALSE(world.replay_failed);
  CHECK(world.run->input() == "2");
  CHECK(world.run->decided_version() == static_cast<log_version>(whole.size()));
}

TEST_CASE("signals that were not taken go on into the next turn, once each") {
  run_driver world{turns, echo};
  world.begin("1");
  world.settle();
  say(world, "1", "on");
  say(world, "2", "on");
  say(world, "3", "stop");
  world.settle();
  CHECK(world.run->output() == "[3stop]");

  run_driver other{turns, echo};
  other.begin("1");
  other.settle();
  say(other, "1", "on");
  other.settle();
  other.crash();
  // Taken two turns ago, and still known.
  CHECK(other.run->signal("word", "1", "on", other.now_us)
        == durable_run::signal_outcome::repeated);
}

TEST_CASE("a turn begins once its beginning is on disk") {
  run_driver world{turns, echo};
  world.begin("1");
  world.settle();
  say(world, "1", "on");
  world.step(); // The signal.
  world.step(); // The step ends, and with it the turn.
  CHECK(world.run->input() == "1");
  auto agenda = world.run->next(world.now_us);
  REQUIRE(agenda.base == 1);
  CHECK(agenda.append.size() == 2);
  CHECK(agenda.append.back().has_run_continued());
  CHECK_FALSE(agenda.idle);
  // What comes meanwhile stands after it.
  say(world, "2", "stop");
  CHECK(world.run->next(world.now_us).append.empty());
  world.run->committed(world.now_us);
  CHECK(world.run->input() == "2");
  agenda = world.run->next(world.now_us);
  REQUIRE(agenda.append.size() == 2);
  CHECK(agenda.append[0].has_signal_received());
  CHECK(agenda.append[1].has_attributes_set());
}

TEST_CASE("what is under way when a run continues is stopped before") {
  auto code = [](context ctx, std::string turn) -> durable<std::string> {
    auto child = ctx.child("part", remote::ChildRun{});
    co_await ctx.signal("go");
    if (turn == "2")
      co_return "second";
    co_await ctx.continue_as_new("2");
    co_return std::string{};
  };
  run_driver world{code, echo};
  world.hangs = [](const auto&) { return true; };
  world.begin("1");
  world.settle();
  world.run->signal("go", "1", "", world.now_us);
  world.step();
  CHECK(continued_at(world) == 0); // Others must hear of it first.
  CHECK(world.stopped.empty());
  world.crash();
  world.settle();
  CHECK(world.stopped == std::set<std::string>{"part#1"});
  CHECK(continued_at(world) == 3);
  CHECK(world.run->input() == "2");
}

TEST_CASE("the limit of facts counts from where a run continued") {
  auto code = [](context ctx, std::string turn) -> durable<std::string> {
    for (int i = 0; i < 10; ++i)
      co_await ctx.step("work", call("a"));
    if (turn == "9")
      co_return "done";
    co_await ctx.continue_as_new(std::to_string(std::stoi(turn) + 1));
    co_return std::string{};
  };
  run_options small;
  small.facts_max = 20;
  run_driver world{code, echo, small};
  world.begin("1");
  world.settle();
  CHECK(world.run->output() == "done");
  CHECK(world.log.size() > 90);
}

TEST_CASE("a program that only continues makes an append of each turn") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    co_await ctx.continue_as_new("again");
    co_return std::string{};
  };
  run_driver world{code, echo};
  world.begin("");
  for (int i = 0; i < 20; ++i)
    REQUIRE(world.step());
  CHECK(world.appends == 20);
  REQUIRE(world.run->cancel("enough", "user", world.now_us));
  world.settle();
  CHECK(world.run->status() == store::log_status::cancelled);
}

TEST_CASE("a cancel between two turns ends the run") {
  run_driver world{turns, echo};
  world.begin("1");
  world.settle();
  say(world, "1", "on");
  world.step();
  world.step();
  REQUIRE(world.run->next(world.now_us).base);
  REQUIRE(world.run->cancel("enough", "user", world.now_us));
  world.run->committed(world.now_us);
  world.settle();
  CHECK(world.run->status() == store::log_status::cancelled);
}

TEST_CASE("a log that begins in the middle must begin with a new turn") {
  run_driver world{turns, echo};
  world.begin("1");
  world.settle();
  world.base = 1;
  world.crash();
  CHECK(world.replay_failed);
}
