// What may have been done twice is marked as such, never silently.

#include "tests/workflow/engine_world.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::workflow;

namespace shannon::workflow {

/// Something whose far side takes no attempt key.
template <>
struct effect_traits<remote::SignalTask> {
  using output = remote::ToolResult;
  static constexpr std::string_view kind = "post";
  static std::string identity(const remote::SignalTask& what) {
    return what.name();
  }
};

} // namespace shannon::workflow

namespace {

durable<std::string> post(context ctx, std::string) {
  step_options how;
  how.backoff_min = how.backoff_max = std::chrono::seconds{10};
  co_await ctx.step("post", remote::SignalTask{}, how);
  co_return "posted";
}

facts::Fact outcome_of(const run_driver& world) {
  for (std::size_t i = 1; i <= world.log.size(); ++i)
    if (auto fact = world.fact(i);
        fact.has_step_completed() || fact.has_step_failed())
      return fact;
  return {};
}

} // namespace

TEST_CASE("what was under way at a crash may have been made twice") {
  run_driver world{post, echo};
  world.begin("");
  world.step();
  REQUIRE(world.run->next(world.now_us).start.size() == 1);
  world.crash();
  world.settle();
  auto fact = outcome_of(world);
  CHECK(fact.step_completed().possible_repeat());
  CHECK(fact.event().message() == "post#1 (possible repeat)");
}

TEST_CASE("what was made once says so") {
  run_driver world{post, echo};
  world.begin("");
  world.settle();
  CHECK_FALSE(outcome_of(world).step_completed().possible_repeat());
}

TEST_CASE("a step that fails after a crash says that it may have been made") {
  run_driver world{post, [](const durable_run::effect_start&) {
                     return flaky({errc::denied, "no", false, {}});
                   }};
  world.begin("");
  world.step();
  world.crash();
  world.settle();
  CHECK(outcome_of(world).step_failed().possible_repeat());
}

TEST_CASE("an attempt that was to come may be made by an owner of yesterday") {
  int calls = 0;
  run_driver world{post, [&](const durable_run::effect_start& start) {
                     if (++calls == 1)
                       return flaky({errc::unavailable, "busy", true, {}});
                     return echo(start);
                   }};
  world.begin("");
  world.step();
  world.step(); // The attempt fails.
  world.step(); // That is on disk; the next is later.
  REQUIRE(world.fact(world.log.size()).has_attempt_failed());
  auto late = GENERATE(0, 60'000'000);
  world.now_us += late;
  world.crash();
  world.settle();
  CHECK(outcome_of(world).step_completed().possible_repeat());
}

TEST_CASE("a far side that takes the attempt key is asked again unmarked") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    co_await ctx.step("ask", remote::LlmRequest{});
    co_return std::string{};
  };
  run_driver world{code, echo};
  world.begin("");
  world.step();
  REQUIRE(world.run->next(world.now_us).start.size() == 1);
  world.crash();
  auto again = world.run->next(world.now_us).start;
  REQUIRE(again.size() == 1);
  CHECK(again[0].attempt == 1); // The same key.
  world.run->effect_ended("ask#1", 1, echo(again[0]), world.now_us);
  world.settle();
  CHECK(outcome_of(world).has_step_completed());
  CHECK_FALSE(outcome_of(world).step_completed().possible_repeat());
}

TEST_CASE("a local step is made behind the disk and recorded before the rest") {
  int made = 0;
  auto code = [&](context ctx, std::string) -> durable<std::string> {
    auto word
        = co_await ctx.local("count", [&] { return std::to_string(++made); });
    auto got = co_await ctx.step("get", call(word));
    co_return got.output();
  };
  run_driver world{code, echo};
  world.begin("");
  world.run->next(1);
  CHECK(made == 0); // RunStarted is not on disk.
  world.run->committed(1);
  auto agenda = world.run->next(2);
  CHECK(made == 1);
  REQUIRE(agenda.append.size() == 1);
  CHECK(agenda.append[0].step_completed().effect() == "local");
  CHECK(agenda.start.empty()); // It rests on the local step.
  CHECK(world.run->next(3).start.empty());
  world.run->committed(3);
  CHECK(world.run->next(4).start.size() == 1);
}

TEST_CASE("a local step that fails is tried again like any other") {
  int made = 0;
  auto code = [&](context ctx, std::string) -> durable<std::string> {
    step_options thrice;
    thrice.attempts_max = 3;
    auto word = co_await ctx.local(
        "try",
        [&]() -> std::string {
          if (++made < 3)
            throw step_failed{{errc::unavailable, "not yet", true, {}}};
          return "there";
        },
        thrice);
    co_return word;
  };
  run_driver world{code, echo};
  world.begin("");
  world.settle();
  CHECK(made == 3);
  CHECK(world.run->output() == "there");
  CHECK(world.fact(2).has_attempt_failed());
  CHECK(world.fact(3).has_attempt_failed());
}

TEST_CASE("errors that a policy names are never tried again") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    step_options how;
    how.not_retried = {errc::unavailable};
    auto got = co_await ctx.step("get", call("a"), how);
    co_return got.output();
  };
  run_driver world{code, [](const durable_run::effect_start&) {
                     return flaky({errc::unavailable, "gone", true, {}});
                   }};
  world.begin("");
  world.settle();
  CHECK(world.started["get#1"] == 1);
  CHECK(world.run->failure().text == "gone");
}

TEST_CASE("pauses grow by the policy's factor up to its limit") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    step_options how;
    how.attempts_max = 5;
    how.backoff_min = std::chrono::milliseconds{100};
    how.backoff_max = std::chrono::milliseconds{1'000};
    how.backoff_factor = 4;
    co_await ctx.step("get", call("a"), how);
    co_return std::string{};
  };
  run_options options;
  options.chance = [] { return 1.0; }; // The longest pause there can be.
  run_driver world{code,
                   [](const durable_run::effect_start&) {
                     return flaky({errc::unavailable, "busy", true, {}});
                   },
                   options};
  world.begin("");
  world.settle();
  std::vector<std::int64_t> pauses_ms;
  for (std::size_t i = 1; i <= world.log.size(); ++i)
    if (auto fact = world.fact(i); fact.has_attempt_failed())
      pauses_ms.push_back((fact.attempt_failed().retry_at_us() - fact.at_us())
                          / 1'000);
  CHECK(pauses_ms == std::vector<std::int64_t>{100, 400, 1'000, 1'000});
}
