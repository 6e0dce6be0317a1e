// Decide ahead, act behind: what is in an append, and what waits for it.

#include "tests/workflow/engine_world.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::workflow;

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

TEST_CASE("an end and the end of its stream are in one append, however much "
          "is decided before") {
  for (int notes = 250; notes < 260; ++notes) {
    auto code = [notes](context ctx, std::string) -> durable<std::string> {
      for (int i = 0; i < notes; ++i)
        ctx.now_us("tick");
      co_return "done";
    };
    run_options options;
    options.ends_stream = true;
    run_driver world{code, echo, options};
    world.begin("");
    bool split = false;
    while (!world.run->ended()) {
      REQUIRE(world.step());
      split = split || world.fact(world.log.size()).has_run_completed();
    }
    INFO(notes << " notes");
    CHECK_FALSE(split);
    CHECK(world.fact(world.log.size()).has_stream_ended());
  }
}
