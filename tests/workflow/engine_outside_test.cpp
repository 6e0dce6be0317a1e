// What comes from outside: signals, children, timers.

#include "tests/workflow/engine_world.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::workflow;

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

TEST_CASE("an event told from outside is recorded once, and heard by no "
          "program") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    co_return co_await ctx.signal("go");
  };
  run_driver world{code, echo};
  world.begin("");
  world.settle();
  facts::Event told;
  told.set_type("TOOL_STARTED");
  told.set_agent_id("helper");
  told.set_message("looks");
  auto tell
      = [&] { return world.run->signal("", "e1", "", world.now_us, told); };
  CHECK(tell() == durable_run::signal_outcome::staged);
  world.settle();
  auto recorded = world.fact(world.log.size());
  CHECK(recorded.has_signal_received());
  CHECK(recorded.event().type() == "TOOL_STARTED");
  CHECK(recorded.event().agent_id() == "helper");
  auto size = world.log.size();
  CHECK(tell() == durable_run::signal_outcome::repeated);
  world.crash();
  world.settle();
  CHECK(tell() == durable_run::signal_outcome::repeated);
  world.settle();
  CHECK(world.log.size() == size);
  CHECK_FALSE(world.run->ended());
  world.run->signal("go", "1", "on", world.now_us);
  world.settle();
  CHECK(world.run->ended());
}
