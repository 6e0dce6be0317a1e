// Runs that wait for a person, and how they go on.

#include "tests/workflow/engine_world.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::workflow;

TEST_CASE("a run that grows beyond its limit is parked, not lost") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    for (;;)
      co_await ctx.step("again", call("a"));
  };
  run_options small;
  small.facts_max = 20;
  run_driver world{code, echo, small};
  world.begin("");
  world.settle();
  CHECK(world.run->status() == store::log_status::needs_operator);
  CHECK(world.log.size() < 30);
}

TEST_CASE("a parked run that is being cancelled ends, also over a crash") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    co_await ctx.signal("never");
    co_return std::string{};
  };
  run_options options;
  options.ends_stream = true;
  run_driver world{code, echo, options};
  world.begin("");
  world.settle();
  world.run->park("failed too often", world.now_us);
  world.settle();
  REQUIRE(world.run->status() == store::log_status::needs_operator);
  REQUIRE(world.run->cancel("enough", "user", world.now_us));
  world.step();
  world.log.resize(3); // CancelRequested is on disk, the end is not.
  world.crash();
  world.settle();
  CHECK(world.run->status() == store::log_status::cancelled);
  CHECK(world.event_types().back() == "STREAM_END");
}

TEST_CASE("a parked run says so once, however often it is read") {
  auto asks = [](std::string what) {
    return [what](context ctx, std::string) -> durable<std::string> {
      co_await ctx.step("first", call(what));
      co_await ctx.signal("never");
      co_return std::string{};
    };
  };
  run_driver old_code{asks("a"), echo};
  old_code.begin("");
  old_code.settle();
  run_driver new_code{asks("changed"), echo};
  new_code.log = old_code.log;
  for (int i = 0; i < 3; ++i) {
    new_code.crash();
    new_code.settle();
    CHECK(new_code.run->status() == store::log_status::needs_operator);
    CHECK(new_code.log.size() == old_code.log.size() + 1);
  }

  auto endless = [](context ctx, std::string) -> durable<std::string> {
    for (;;)
      co_await ctx.step("again", call("a"));
  };
  run_options small;
  small.facts_max = 10;
  run_driver full{endless, echo, small};
  full.begin("");
  full.settle();
  auto size = full.log.size();
  full.crash();
  CHECK_FALSE(full.replay_failed);
  full.settle();
  CHECK(full.log.size() == size);
  CHECK(full.run->decided_version() == static_cast<log_version>(size));
  CHECK(full.run->status() == store::log_status::needs_operator);
}

TEST_CASE("a run that is parked stops what it has started") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    auto got = co_await ctx.step("get", call("a"));
    co_return got.output();
  };
  run_driver world{code, echo};
  world.begin("");
  world.step();
  REQUIRE(world.run->next(world.now_us).start.size() == 1);
  world.run->park("failed too often", world.now_us);
  world.settle();
  CHECK(world.stopped == std::set<std::string>{"get#1"});
}

TEST_CASE("a parked run that is cancelled starts nothing and ends last") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    auto slow = ctx.scope("slow").step("wait", call("s"));
    co_await ctx.step("get", call("a"));
    facts::Event event;
    event.set_type("PROGRESS");
    ctx.publish("said", event);
    co_await slow;
    co_return std::string{};
  };
  run_driver world{code, echo};
  world.begin("");
  world.step();
  auto agenda = world.run->next(world.now_us);
  REQUIRE(agenda.start.size() == 2);
  auto& get = agenda.start[agenda.start[0].key == "get#1" ? 0 : 1];
  world.run->effect_ended(get.key, 1, echo(get), world.now_us);
  world.run->park("failed too often", world.now_us);
  world.settle();
  REQUIRE(world.run->status() == store::log_status::needs_operator);
  REQUIRE(world.run->cancel("enough", "user", world.now_us));
  world.settle();
  CHECK(world.run->status() == store::log_status::cancelled);
  CHECK(world.event_types().back() == "WORKFLOW_CANCELLED");
  CHECK(world.started.empty());
}

TEST_CASE("a log that cannot be read is parked once and can be cancelled") {
  run_driver world{errand, echo};
  world.begin("x");
  for (int i = 0; i < 3; ++i)
    world.step();
  world.log[1].bytes = "\xff";
  auto size = world.log.size();
  for (int i = 0; i < 3; ++i) {
    world.crash();
    CHECK(world.replay_failed);
    world.run->park("cannot be read", world.now_us);
    world.settle();
    CHECK(world.log.size() == size + 1);
    CHECK(world.run->decided_version() == static_cast<log_version>(size + 1));
    CHECK(world.run->status() == store::log_status::needs_operator);
  }
  CHECK(world.run->cancel("enough", "user", world.now_us));
  world.settle();
  CHECK(world.run->status() == store::log_status::cancelled);
}

// -- going on -----------------------------------------------------------------

namespace {

durable<std::string> first_then_wait(std::string what, context ctx) {
  auto first = co_await ctx.step("first", call(std::move(what)));
  auto second = co_await ctx.step("second", call(first.output()));
  co_await ctx.signal("go");
  co_return second.output();
}

program asking(std::string what) {
  return [what](context ctx, std::string) {
    return first_then_wait(what, std::move(ctx));
  };
}

facts::StepId step_id(std::string key) {
  facts::StepId id;
  id.set_key(std::move(key));
  id.set_occurrence(1);
  return id;
}

/// A run whose code has changed under it: parked at `first`.
run_driver parked_by_a_change() {
  run_driver before{asking("a"), echo};
  before.begin("");
  before.settle();
  run_driver after{asking("changed"), echo};
  after.log = before.log;
  after.crash();
  after.settle();
  return after;
}

} // namespace

TEST_CASE("a parked run goes on without what is forgotten") {
  auto world = parked_by_a_change();
  REQUIRE(world.run->status() == store::log_status::needs_operator);
  auto agenda = world.run->next(world.now_us);
  CHECK(agenda.idle);
  CHECK(world.run->describe().parked_at().key() == "first");
  REQUIRE(world.run->resume("jo", "new wording",
                            {step_id("first"), step_id("second")},
                            world.now_us));
  CHECK_FALSE(world.run->resume("jo", "twice", {}, world.now_us));
  CHECK_FALSE(world.run->must_reread()); // Not on disk yet.
  agenda = world.run->next(world.now_us);
  REQUIRE(agenda.append.size() == 1);
  CHECK(agenda.status == store::log_status::running);
  CHECK(agenda.append[0].run_resumed().by() == "jo");
  CHECK(agenda.append[0].run_resumed().forgotten_size() == 2);
  world.log.push_back({static_cast<log_version>(world.log.size() + 1),
                       {},
                       agenda.append[0].SerializeAsString()});
  world.run->committed(world.now_us);
  CHECK(world.run->must_reread());
  world.crash(); // Reads it again.
  REQUIRE_FALSE(world.replay_failed);
  CHECK(world.run->status() == store::log_status::running);
  world.settle();
  world.run->signal("go", "1", "", world.now_us);
  world.settle();
  CHECK(world.run->output() == "[[changed]]");
  CHECK(world.started
        == std::map<std::string, int>{{"first#1+5", 1}, {"second#1+5", 1}});
  // Under a key of its own, or the far side would give the old answer.
  for (std::size_t i = 1; i <= world.log.size(); ++i)
    if (auto fact = world.fact(i); i > 5 && fact.has_step_completed())
      CHECK(fact.step_completed().attempt() == 2);
  // And so it is for whoever reads it later.
  world.log.resize(world.log.size() - 1);
  world.crash();
  world.settle();
  CHECK(world.run->output() == "[[changed]]");
}

TEST_CASE("a run that goes on into the same trouble is parked again") {
  auto world = parked_by_a_change();
  for (int i = 0; i < 3; ++i) {
    auto size = world.log.size();
    REQUIRE(world.run->resume("jo", "hope", {}, world.now_us));
    world.settle();
    world.crash();
    world.settle();
    CHECK(world.log.size() == size + 2); // Resumed, and parked again.
    CHECK(world.run->status() == store::log_status::needs_operator);
    world.crash();
    world.settle();
    CHECK(world.log.size() == size + 2);
  }
}

TEST_CASE(
    "signals that came while a run was parked are there when it goes on") {
  auto world = parked_by_a_change();
  world.run->signal("go", "1", "", world.now_us);
  world.settle();
  REQUIRE(world.run->resume(
      "jo", "rewritten", {step_id("first"), step_id("second")}, world.now_us));
  world.settle();
  world.crash();
  world.settle();
  CHECK(world.run->output() == "[[changed]]");
}

TEST_CASE("a run that was parked by its owner goes on as it was") {
  run_driver world{errand, echo};
  world.begin("x");
  world.step();
  world.run->park("failed too often", world.now_us);
  world.settle();
  REQUIRE(world.run->resume("jo", "the disk is mended", {}, world.now_us));
  world.settle();
  world.crash();
  world.settle();
  CHECK(world.run->status() == store::log_status::completed);
}

namespace {

/// What a run has asked of the world so far, and told it to stop:
/// `KEY/ATTEMPT`.
struct asked_and_stopped {
  void look(run_driver& world) {
    auto agenda = world.run->next(world.now_us);
    auto name = [](const auto& one) {
      return one.key + "/" + std::to_string(one.attempt);
    };
    for (const auto& one : agenda.stop)
      stopped.push_back(name(one));
    for (const auto& one : agenda.start)
      asked.push_back(name(one));
    for (const auto& fact : agenda.append)
      world.log.push_back({static_cast<log_version>(world.log.size() + 1),
                           {},
                           fact.SerializeAsString()});
    if (!agenda.append.empty())
      world.run->committed(world.now_us);
  }

  void park_and_resume(run_driver& world, std::vector<facts::StepId> forget) {
    world.run->park("failed too often", world.now_us);
    look(world);
    look(world);
    REQUIRE(world.run->resume("jo", "mended", std::move(forget), world.now_us));
    look(world);
    REQUIRE(world.run->must_reread());
    world.crash();
    asked.clear();
    look(world);
    look(world);
  }

  bool asks_again() const {
    return std::any_of(asked.begin(), asked.end(), [&](const auto& one) {
      return std::find(stopped.begin(), stopped.end(), one) != stopped.end();
    });
  }

  std::vector<std::string> asked, stopped;
};

using names = std::vector<std::string>;

remote::BrowserRequest click() {
  remote::BrowserRequest request;
  request.set_action("browser_click");
  return request;
}

} // namespace

TEST_CASE("what a run has told to stop when it was parked it asks for under "
          "another name when it goes on, the same after each crash") {
  run_driver world{errand, echo};
  asked_and_stopped seen;
  world.begin("x");
  seen.look(world);
  seen.look(world);
  REQUIRE(seen.asked == names{"left/get#1/1", "right/get#1/1"});
  seen.park_and_resume(world, {});
  CHECK(seen.stopped == names{"left/get#1/1", "right/get#1/1"});
  CHECK(seen.asked == names{"left/get#1+3/1", "right/get#1+3/1"});
  CHECK_FALSE(seen.asks_again());
  world.crash();
  seen.asked.clear();
  seen.look(world);
  CHECK(seen.asked == names{"left/get#1+3/1", "right/get#1+3/1"});
  seen.park_and_resume(world, {});
  CHECK(seen.asked == names{"left/get#1+5/1", "right/get#1+5/1"});
  CHECK_FALSE(seen.asks_again());
  world.settle();
  world.crash();
  world.settle();
  CHECK(world.run->status() == store::log_status::completed);
}

TEST_CASE("a branch that was dropped before the run was parked, and is begun "
          "anew, has another name") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    {
      auto slow = ctx.scope("slow").step("get", call("s"));
      co_await ctx.scope("fast").step("get", call("f"));
    }
    co_await ctx.signal("never");
    co_return std::string{};
  };
  run_driver world{code, echo};
  asked_and_stopped seen;
  world.begin("");
  seen.look(world);
  seen.look(world);
  REQUIRE(seen.asked.size() == 2);
  world.run->effect_ended("fast/get#1", 1, echo({}), world.now_us);
  seen.look(world);
  seen.look(world);
  REQUIRE(seen.stopped == names{"slow/get#1/1"});
  auto fast = step_id("get");
  fast.set_scope("fast");
  seen.park_and_resume(world, {fast});
  CHECK(seen.asked == names{"slow/get#1+4/1", "fast/get#1+4/2"});
  CHECK_FALSE(seen.asks_again());
}

TEST_CASE(
    "a turn that follows one that was resumed names its steps by itself") {
  auto code = [](context ctx, std::string input) -> durable<std::string> {
    co_await ctx.step("get", call("a"));
    if (input == "again")
      co_return std::string{};
    co_await ctx.continue_as_new("again");
    co_return std::string{};
  };
  run_driver world{code, echo};
  asked_and_stopped seen;
  world.begin("");
  seen.look(world);
  seen.park_and_resume(world, {});
  REQUIRE(seen.asked == names{"get#1+3/1"});
  world.settle();
  world.run->effect_ended("get#1+3", 1, echo({}), world.now_us);
  world.started.clear();
  world.settle();
  CHECK(world.run->ended());
  CHECK(world.started == std::map<std::string, int>{{"get#1@4", 1}});
}

TEST_CASE("an action of a browser is not told to stop when its run is parked, "
          "and is asked for again under the same name, but one that is "
          "forgotten") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    co_await ctx.step("open", click());
    co_await ctx.step("click", click());
    co_return std::string{};
  };
  run_driver world{code, echo};
  asked_and_stopped seen;
  world.begin("");
  seen.look(world);
  seen.look(world);
  world.run->effect_ended("open#1", 1, echo({}), world.now_us);
  seen.look(world);
  seen.look(world);
  seen.park_and_resume(world, {});
  CHECK(seen.stopped.empty());
  CHECK(seen.asked == names{"click#1/1"});
  seen.park_and_resume(world, {step_id("open")});
  CHECK(seen.asked == names{"open#1+6/2"});
}

TEST_CASE("only a parked run can be told to go on") {
  run_driver world{errand, echo};
  world.begin("x");
  world.step();
  CHECK_FALSE(world.run->resume("jo", "why not", {}, world.now_us));
  world.run->park("failed too often", world.now_us);
  world.settle();
  REQUIRE(world.run->cancel("enough", "jo", world.now_us));
  CHECK_FALSE(world.run->resume("jo", "too late", {}, world.now_us));
}

TEST_CASE("a run says what it waits for") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    auto got = ctx.scope("a").step("get", call("1"));
    auto nap = ctx.scope("b").sleep("nap", std::chrono::seconds{5});
    auto word = ctx.scope("c").signal("go");
    co_await got;
    co_await nap;
    co_await word;
    co_return "done";
  };
  run_driver world{code, echo};
  world.begin("");
  world.step();
  world.run->next(world.now_us);
  auto seen = world.run->describe();
  CHECK(seen.phase() == "running");
  CHECK(seen.version() == world.run->stored_version());
  REQUIRE(seen.waits_size() == 3);
  CHECK(seen.waits(0).kind() == "effect");
  CHECK(seen.waits(0).key() == "a/get#1");
  CHECK(seen.waits(0).what() == "tool");
  CHECK(seen.waits(0).attempt() == 1);
  CHECK(seen.waits(0).under_way());
  CHECK(seen.waits(0).since_us() == 1'000'000);
  CHECK(seen.waits(1).kind() == "timer");
  CHECK(seen.waits(1).due_us() == 6'000'000);
  CHECK(seen.waits(2).kind() == "signal");
  CHECK(seen.waits(2).what() == "go");
}
