// The examples of docs/context.md do what the page says, also when the process
// dies at any moment.

#include "tests/workflow/context_examples.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>

using namespace shannon;
using namespace shannon::workflow;
using examples::all_examples;
using examples::happen;
using examples::world_of;

namespace {

/// To its end, with all that happens from outside; the process dies after
/// `crash_after` turns, if that is not 0.
run_driver play(const std::string& name, int crash_after = 0) {
  auto world = world_of(all_examples().at(name));
  int turns = 0;
  for (int i = 0; i < 1'000; ++i) {
    if (!world.step() && !happen(name, world))
      break;
    if (++turns == crash_after && !world.log.empty()) {
      world.crash();
      REQUIRE_FALSE(world.replay_failed);
      // What was not on disk is said again by whoever said it.
      if (name != "clean-up")
        world.happened = 0;
    }
  }
  return world;
}

std::string output_of(const std::string& name) {
  auto world = play(name);
  REQUIRE(world.run->ended());
  CHECK(world.run->status() == store::log_status::completed);
  return world.run->output();
}

std::string text_of(const char* path) {
  std::ifstream file{path};
  REQUIRE(file);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool holds(const run_driver& world, bool (facts::Fact::*what)() const) {
  for (std::size_t i = 1; i <= world.log.size(); ++i)
    if ((world.fact(i).*what)())
      return true;
  return false;
}

} // namespace

TEST_CASE("each example gives what the page says") {
  CHECK(output_of("step") == "[page]");
  CHECK(output_of("at-most-once") == "[order 1]");
  CHECK(output_of("local") == "10");
  CHECK(output_of("all") == "[x][x]");
  CHECK(output_of("race") == "[x]");
  CHECK(output_of("any") == "1[file]");
  CHECK(output_of("map") == "[rome][oslo][lima][bonn]");
  CHECK(output_of("child") == "<job>");
  CHECK(output_of("detached") == "run-of-watcher");
  CHECK(output_of("sleep") == "remember: milk");
  CHECK(output_of("signal") == "approved: fine");
  CHECK(output_of("query") == "three");
  CHECK(output_of("values").substr(0, 37)
        == "12345678-9abc-4ef0-9234-56789abcdef0 ");
  CHECK(output_of("branch") == "the answer is known");
  CHECK(output_of("anew") == "stopped on day 3");
  CHECK(output_of("attributes") == "jo");
  CHECK(output_of("publish") == "done");
}

TEST_CASE("each example ends the same whenever the process dies") {
  for (const auto& [name, what] : all_examples()) {
    if (name == "at-most-once")
      continue; // It fails then, as it must: engine_steps_test.
    auto whole = play(name);
    REQUIRE(whole.run->ended());
    for (int crash_after = 1; crash_after < 30; ++crash_after) {
      INFO(name << ", crash after turn " << crash_after);
      auto world = play(name, crash_after);
      CHECK(world.run->ended());
      CHECK(world.run->status() == whole.run->status());
      if (name != "values") // Drawn anew if it was not on disk.
        CHECK(world.run->output() == whole.run->output());
      CHECK(world.run->failure().text == whole.run->failure().text);
    }
  }
}

TEST_CASE("a page quotes the examples word for word") {
  auto source = text_of(SHANNON_SOURCE "/tests/workflow/context_examples.cpp");
  auto page = text_of(SHANNON_SOURCE "/docs/context.md");
  std::size_t quoted = 0;
  std::size_t at = 0;
  while ((at = source.find("// example: ", at)) != std::string::npos) {
    auto from = source.find('\n', at) + 1;
    auto name = source.substr(at + 12, from - at - 13);
    auto to = source.find("// end\n", from);
    REQUIRE(to != std::string::npos);
    INFO(name);
    CHECK(all_examples().count(name) == 1);
    CHECK(page.find("```cpp\n" + source.substr(from, to - from) + "```\n")
          != std::string::npos);
    ++quoted;
    at = to;
  }
  CHECK(quoted == all_examples().size());
}

// -- what single examples show ------------------------------------------------

TEST_CASE("a step's own policy says how long it pauses and how often") {
  auto world = play("step");
  auto failed = world.fact(3); // After RunStarted and the deadline.
  REQUIRE(failed.has_attempt_failed());
  auto pause_us = failed.attempt_failed().retry_at_us() - failed.at_us();
  CHECK(pause_us == 75'000); // 100 ms, jittered.
  CHECK(world.started.at("fetch#1") == 2);
}

TEST_CASE("a child that was started apart is told to stop when its parent "
          "ends, unless it may be abandoned") {
  auto world = play("detached");
  CHECK(world.stopped == std::set<std::string>{"watch#1"});
  // Before the end is on disk, since nobody reads an ended run: an end that is
  // lost has them told again.
  REQUIRE(world.fact(world.log.size()).has_run_completed());
  world.log.pop_back();
  world.stopped.clear();
  world.crash();
  auto agenda = world.run->next(world.now_us);
  REQUIRE(agenda.stop.size() == 1);
  CHECK(agenda.stop[0].key == "watch#1");
  CHECK(agenda.stop[0].effect == "child");
  CHECK(agenda.append.empty());
  // Once it is on disk over there.
  world.run->stop_taken("watch#1", 1, world.now_us);
  CHECK(world.run->next(world.now_us).append.size() == 1);
}

TEST_CASE("a child that nobody waits for any more is cancelled") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    auto part = ctx.child("part", remote::ChildRun{});
    co_await ctx.signal("go");
    part.reset();
    co_await ctx.signal("end");
    co_return "done";
  };
  run_driver world{code, examples::answer};
  world.hangs = [](const auto&) { return true; };
  world.begin("");
  world.settle();
  REQUIRE(world.started.size() == 1);
  world.run->signal("go", "1", "", world.now_us);
  CHECK(world.run->next(world.now_us).stop.empty()); // Not on disk yet.
  world.run->committed(world.now_us);
  world.crash(); // Lost: it never heard of it.
  world.log.push_back({2, {}, [&] {
                         facts::Fact go;
                         go.mutable_signal_received()->set_name("go");
                         go.mutable_event()->set_type("SIGNAL_RECEIVED");
                         return go.SerializeAsString();
                       }()});
  world.crash();
  world.settle();
  CHECK(world.stopped == std::set<std::string>{"part#1"});
}

TEST_CASE("a query is answered from the live state and changes nothing") {
  auto world = world_of(all_examples().at("query"));
  world.settle();
  CHECK(world.run->query("progress", "").value() == "0");
  CHECK(happen("query", world));
  CHECK(world.run->query("progress", "").value() == "1");
  CHECK(world.run->query("other", "").error().code == errc::not_found);
  auto version = world.run->decided_version();
  world.run->query("progress", "");
  CHECK(world.run->decided_version() == version);
  world.settle();
  world.crash();
  CHECK(world.run->query("progress", "").value() == "1");
  while (happen("query", world)) {
  }
  CHECK(world.run->query("progress", "").error().code == errc::not_found);
}

TEST_CASE("a branch that is cancelled stops what it has under way") {
  auto world = play("branch");
  CHECK(world.stopped == std::set<std::string>{"side/guess#1"});
}

TEST_CASE("clean-up behind a shield runs while the run is being cancelled") {
  auto world = play("clean-up");
  CHECK(world.run->status() == store::log_status::cancelled);
  CHECK(world.started.at("return#1") == 1);
  auto last = world.fact(world.log.size() - 1);
  CHECK(last.step_completed().step().key() == "return");
}

TEST_CASE("clean-up behind a shield has its time and no more") {
  auto world = world_of(all_examples().at("clean-up"));
  world.settle();
  world.hangs = [](const auto& start) { return start.key == "return#1"; };
  REQUIRE(happen("clean-up", world));
  auto cancelled_at = world.now_us;
  world.step();
  world.crash(); // The time goes on over a crash.
  REQUIRE_FALSE(world.replay_failed);
  world.settle();
  CHECK(world.run->status() == store::log_status::cancelled);
  CHECK(world.now_us >= cancelled_at + 30'000'000);
  CHECK(world.now_us < cancelled_at + 31'000'000);
  CHECK(world.stopped == std::set<std::string>{"return#1"});
  CHECK(holds(world, &facts::Fact::has_timer_fired));
}

TEST_CASE("a saga takes back what was done, the last first") {
  auto world = play("saga");
  CHECK(world.run->status() == store::log_status::failed);
  CHECK(world.run->failure().text == "out of order");
  std::vector<std::string> steps;
  for (std::size_t i = 1; i <= world.log.size(); ++i)
    if (auto fact = world.fact(i); fact.has_step_completed())
      steps.push_back(to_string(fact.step_completed().step()));
  CHECK(steps
        == std::vector<std::string>{"flight#1", "hotel#1",
                                    "undo.hotel/cancel#1",
                                    "undo.flight/cancel#1"});
}

TEST_CASE("a saga takes back what was done when the run is cancelled") {
  auto world = world_of(all_examples().at("saga"));
  world.hangs = [](const auto& start) { return start.key == "hotel#1"; };
  world.settle();
  REQUIRE(world.run->cancel("no holiday", "user", world.now_us));
  world.settle();
  CHECK(world.run->status() == store::log_status::cancelled);
  CHECK(world.stopped == std::set<std::string>{"hotel#1"});
  CHECK(world.started.at("undo.flight/cancel#1") == 1);
  CHECK(world.started.count("undo.hotel/cancel#1") == 0);
}

TEST_CASE("attributes are the head's from the append on that sets them") {
  auto world = world_of(all_examples().at("attributes"));
  auto agenda = world.run->next(1);
  REQUIRE(agenda.attributes);
  CHECK(agenda.attributes->at("stage") == "new");
  world.run->committed(1);
  CHECK_FALSE(world.run->next(2).attributes);
  happen("attributes", world);
  agenda = world.run->next(3);
  REQUIRE(agenda.attributes);
  CHECK(agenda.attributes->at("stage") == "paid");
}
