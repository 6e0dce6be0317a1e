// Logs that the engine itself wrote have no findings, whatever befell it.

#include "tests/history/recorded_run.hpp"
#include "tests/history/written_log.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::workflow;
using namespace std::chrono_literals;
using history::written_log;

namespace {

/// The log as the store would have kept it.
std::string findings_of(const run_driver& world) {
  written_log log{{}};
  for (std::size_t i = 1; i <= world.log.size(); ++i)
    log.add(world.fact(i));
  log.seal(world.status);
  return to_text(log.check());
}

bool holds(const run_driver& world, bool (facts::Fact::*what)() const) {
  for (std::size_t i = 1; i <= world.log.size(); ++i)
    if ((world.fact(i).*what)())
      return true;
  return false;
}

} // namespace

TEST_CASE("a run with something of everything leaves a sound log") {
  run_driver world{everything, fickle_tool{}, task()};
  world.begin(std::string(20'000, 'q'));
  world.settle();
  for (int i = 1; i <= 3; ++i)
    world.run->child_progressed("a", i, told(), world.now_us);
  world.run->signal("go", "1", "p", world.now_us);
  CHECK(findings_of(world) == "");
  world.settle();
  CHECK(world.run->status() == store::log_status::completed);
  CHECK(findings_of(world) == "");
  using facts::Fact;
  for (auto what :
       {&Fact::has_run_started, &Fact::has_step_completed,
        &Fact::has_step_started, &Fact::has_step_failed,
        &Fact::has_attempt_failed, &Fact::has_timer_set, &Fact::has_timer_fired,
        &Fact::has_signal_received, &Fact::has_child_progressed,
        &Fact::has_noted, &Fact::has_run_completed, &Fact::has_stream_ended})
    CHECK(holds(world, what));
}

TEST_CASE("a crash after any number of turns leaves a sound log") {
  for (int crash_at = 1; crash_at < 40; ++crash_at) {
    run_driver world{everything, fickle_tool{}, task()};
    world.begin("x");
    for (int i = 0; i < crash_at && world.step(); ++i) {
    }
    INFO("crash after turn " << crash_at);
    CHECK(findings_of(world) == "");
    world.crash();
    REQUIRE_FALSE(world.replay_failed);
    world.run->signal("go", "1", "p", world.now_us);
    world.settle();
    // Failed, where the step that is made at most once was under way.
    CHECK(store::is_terminal(world.run->status()));
    CHECK(findings_of(world) == "");
  }
}

TEST_CASE("a cancel after any number of turns leaves a sound log") {
  for (int cancel_at = 1; cancel_at < 40; ++cancel_at) {
    run_driver world{everything, fickle_tool{}, task()};
    world.begin("x");
    for (int i = 0; i < cancel_at && world.step(); ++i) {
    }
    world.run->cancel("enough", "test", world.now_us);
    world.settle();
    INFO("cancel after turn " << cancel_at);
    CHECK(world.run->status() == store::log_status::cancelled);
    CHECK(findings_of(world) == "");
  }
}

TEST_CASE("runs that fail or are parked leave sound logs") {
  auto failing = [](context ctx, std::string) -> durable<std::string> {
    co_await ctx.step("hopeless", call("1"));
    co_return "never";
  };
  run_driver failed{failing, fickle_tool{}, task()};
  failed.begin("x");
  failed.settle();
  CHECK(failed.run->status() == store::log_status::failed);
  CHECK(findings_of(failed) == "");

  run_driver parked{everything, fickle_tool{}, task()};
  parked.begin("x");
  parked.step();
  parked.run->park("for a person", parked.now_us);
  parked.settle();
  CHECK(parked.run->status() == store::log_status::needs_operator);
  CHECK(findings_of(parked) == "");
  parked.run->cancel("enough", "test", parked.now_us);
  parked.settle();
  CHECK(parked.run->status() == store::log_status::cancelled);
  CHECK(findings_of(parked) == "");
}
