// Programs that have changed under a recorded run.

#include "tests/workflow/engine_world.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::workflow;

TEST_CASE("a changed input parks the run with both sides") {
  auto asks = [](std::string what) {
    return [what](context ctx, std::string) -> durable<std::string> {
      auto first = co_await ctx.step("first", call(what));
      auto got = co_await ctx.step("second", call("b"));
      co_return got.output();
    };
  };
  run_driver old_code{asks("a"), echo};
  old_code.begin("");
  for (int i = 0; i < 3; ++i)
    old_code.step();
  REQUIRE(old_code.fact(2).has_step_completed());
  run_driver new_code{asks("changed"), echo};
  new_code.log = old_code.log;
  new_code.crash();
  new_code.settle();
  CHECK(new_code.run->status() == store::log_status::needs_operator);
  auto parked = new_code.fact(new_code.log.size()).run_parked();
  CHECK(to_string(parked.step()) == "first#1");
  CHECK_FALSE(parked.recorded().empty());
  CHECK(parked.asked().find("changed") != std::string::npos);
  CHECK(new_code.started.empty());
}

TEST_CASE("steps that were added run and steps that were removed are passed") {
  auto before = [](context ctx, std::string) -> durable<std::string> {
    co_await ctx.step("gone", call("a"));
    auto kept = co_await ctx.step("kept", call("b"));
    co_await ctx.sleep("wait", std::chrono::hours{1});
    co_return kept.output();
  };
  auto after = [](context ctx, std::string) -> durable<std::string> {
    co_await ctx.step("added", call("n"));
    auto kept = co_await ctx.step("kept", call("b"));
    co_return kept.output();
  };
  run_driver old_code{before, echo};
  old_code.begin("");
  for (int i = 0; i < 6; ++i)
    old_code.step();
  run_driver new_code{after, echo};
  new_code.log = old_code.log;
  new_code.crash();
  new_code.settle();
  CHECK(new_code.run->output() == "[b]");
  CHECK(new_code.started == std::map<std::string, int>{{"added#1", 1}});
}

TEST_CASE("a mismatch shows what was recorded beside what is asked") {
  auto asks = [](std::string what) {
    return [what](context ctx, std::string) -> durable<std::string> {
      auto first = co_await ctx.step("first", call(what));
      co_await ctx.signal("never");
      co_return first.output();
    };
  };
  run_driver before{asks("the old question"), echo};
  before.begin("");
  before.settle();
  run_driver after{asks("the new question"), echo};
  after.log = before.log;
  after.crash();
  auto seen = after.run->describe();
  CHECK(seen.recorded().find("STEP_RECORDED") != std::string::npos);
  CHECK(seen.recorded().find("[the old question]") != std::string::npos);
  CHECK(seen.asked().find("the new question") != std::string::npos);
  CHECK(seen.parked_at().key() == "first");
  CHECK(seen.failure().find("first#1") != std::string::npos);
}

TEST_CASE("steps keep their places whatever order they end in") {
  run_driver world{errand, echo};
  world.begin("x");
  world.step();
  auto agenda = world.run->next(world.now_us);
  REQUIRE(agenda.start.size() == 2);
  world.run->effect_ended(agenda.start[1].key, 1, echo(agenda.start[1]),
                          world.now_us);
  world.settle();
  world.pending.push_back(agenda.start[0]);
  world.settle();
  auto output = world.run->output();
  world.log.resize(world.log.size() - 1);
  world.crash();
  world.settle();
  CHECK(world.run->output() == output);
}

TEST_CASE("an input recorded by an earlier build is still recognised") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    auto got = co_await ctx.step("get", call("a"));
    co_await ctx.signal("never");
    co_return got.output();
  };
  run_driver world{code, echo};
  world.begin("");
  world.settle();
  // Half the SHA-256 of "tool\necho\x1fa", as builds before recorded it.
  auto fact = world.fact(2);
  fact.mutable_step_completed()->set_input_hash(
      "\x05\x10\x13\x72\x59\x91\x4c\xad\x6e\x4a\x50\x3a\x4a\x08\x0f\x6d");
  world.log[1].bytes = fact.SerializeAsString();
  world.crash();
  CHECK(world.run->state() == durable_run::phase::running);
  fact.mutable_step_completed()->set_input_hash("another 16 bytes");
  world.log[1].bytes = fact.SerializeAsString();
  world.crash();
  CHECK(world.run->state() == durable_run::phase::parked);
}
