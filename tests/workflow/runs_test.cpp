// Runs of any program: how they start each other, hear of each other's ends,
// wait without memory, and come back.

#include "actors/workflow/engine/context.hpp"
#include "tests/workflow/workflow_world.hpp"

#include <catch2/catch.hpp>

#include <memory>

using namespace shannon;
using namespace shannon::test;
using workflow::context;
using workflow::durable;

namespace {

durable<std::string> echo(context, std::string input) {
  co_return input;
}

/// Gives what the signal `go` carries.
durable<std::string> wait_for_go(context ctx, std::string input) {
  co_return input + co_await ctx.signal("go");
}

durable<std::string> sleep_an_hour(context ctx, std::string input) {
  co_await ctx.sleep("nap", 1h);
  co_return input;
}

durable<std::string> tool_call(context ctx, std::string input) {
  remote::ToolRequest request;
  request.set_tool("calculator");
  request.set_arguments_json("{}");
  auto got = co_await ctx.step("tool", request);
  co_return input + got.output();
}

durable<std::string> failing(context, std::string input) {
  throw workflow::step_failed{{errc::failed, input, false, std::nullopt}};
  co_return input;
}

remote::ChildRun child(const std::string& program, const std::string& input) {
  remote::ChildRun wish;
  wish.set_program(program);
  wish.set_input(input);
  return wish;
}

/// Runs the program that its input names, in a child.
durable<std::string> one_child(context ctx, std::string input) {
  auto got = co_await ctx.step("child", child(input, "x"));
  co_return got.output();
}

/// Three children side by side; they give a line each.
durable<std::string> three_children(context ctx, std::string input) {
  std::vector<durable<remote::ChildResult>> parts;
  for (int i = 0; i < 3; ++i)
    parts.push_back(ctx.step("part", child(input, std::to_string(i))));
  std::string all;
  for (auto& part : parts)
    all += (co_await part).output() + ";";
  co_return all;
}

durable<std::string> detached_child(context ctx, std::string input) {
  auto wish = child(input, "x");
  wish.set_id("loose");
  wish.set_detached(true);
  wish.set_parent_close(remote::PARENT_CLOSE_ABANDON);
  auto got = co_await ctx.step("child", wish);
  co_return got.run();
}

durable<std::string> detached_and_bound(context ctx, std::string input) {
  auto wish = child(input, "x");
  wish.set_id("bound");
  wish.set_detached(true);
  auto got = co_await ctx.step("child", wish);
  co_return got.run();
}

durable<std::string> child_that_stays(context ctx, std::string input) {
  auto wish = child(input, "x");
  wish.set_id("stays");
  wish.set_parent_close(remote::PARENT_CLOSE_ABANDON);
  auto got = co_await ctx.step("child", wish);
  co_return got.output();
}

/// Starts a child that waits, and gives it up at the signal `go`.
durable<std::string> giving_up(context ctx, std::string input) {
  auto part = ctx.child("part", child("wait", "x"));
  auto word = co_await ctx.signal("go");
  part.reset();
  if (word == "nap")
    co_await ctx.sleep("nap", 1h);
  if (word == "wait")
    co_await ctx.signal("end");
  co_return input;
}

/// The same agent in each of two turns.
durable<std::string> agent_each_turn(context ctx, std::string input) {
  remote::AgentBrief brief;
  brief.set_name("agent-1");
  brief.set_task("work");
  brief.set_query("what is it?");
  brief.set_iterations_max(8);
  brief.set_conversation_bytes_max(512 * 1024);
  auto report = co_await ctx.step("agent", brief);
  if (input == "1")
    co_await ctx.continue_as_new("2");
  co_return report.text();
}

/// Answers `seen` with the signals it has taken.
durable<std::string> count_signals(context ctx, std::string input) {
  int seen = 0;
  auto query
      = ctx.on_query("seen", [&seen](std::string_view) -> result<std::string> {
          return std::to_string(seen);
        });
  while (co_await ctx.signal("go") != "stop")
    ++seen;
  co_return input;
}

struct runs_world : workflow_world {
  runs_world() {
    more = {{"echo", echo},
            {"wait", wait_for_go},
            {"nap", sleep_an_hour},
            {"tool", tool_call},
            {"failing", failing},
            {"count", count_signals},
            {"one_child", one_child},
            {"giving_up", giving_up},
            {"agent_each_turn", agent_each_turn},
            {"three_children", three_children},
            {"detached_child", detached_child},
            {"detached_and_bound", detached_and_bound},
            {"child_that_stays", child_that_stays}};
    settings.rest_after = 1s;
    restart_node();
  }

  result<remote::RunAccepted> start(const std::string& run,
                                    const std::string& program,
                                    const std::string& input = "x") {
    remote::StartRun wish;
    wish.set_run(run);
    wish.set_program(program);
    wish.set_input(input);
    auto got = ask_all<remote::RunAccepted>("workflow/" + run, wish, 100ms);
    REQUIRE(got.size() == 1);
    return got.front();
  }

  result<remote::SignalAck> signal(const std::string& run,
                                   const std::string& payload = "!",
                                   const std::string& id = "s1") {
    remote::SignalTask wish;
    wish.set_task(run);
    wish.set_name("go");
    wish.set_signal_id(id);
    wish.set_payload(payload);
    auto got = ask_all<remote::SignalAck>("workflow/" + run, wish, 1'000ms);
    REQUIRE(got.size() == 1);
    return got.front();
  }

  remote::RunDescription describe(const std::string& run) {
    auto got = ask_all<remote::RunDescription>("workflow/" + run,
                                               remote::DescribeRun{}, 100ms);
    REQUIRE(got.size() == 1);
    REQUIRE(got[0]);
    return *got[0];
  }

  bool in_memory(const std::string& run) {
    auto who = addresses.find({"workflow/" + run});
    return who && who != addresses.find({"workflow"});
  }

  /// What the run gave; empty if it has not completed.
  std::string output(const std::string& run) {
    for (const auto& row : tables.logs[log_id{run}].facts) {
      facts::Fact fact;
      fact.ParseFromString(row.bytes);
      if (fact.has_run_completed())
        return fact.run_completed().output().inline_();
    }
    return {};
  }

  int facts_of(const std::string& run, facts::Fact::BodyCase kind) {
    int count = 0;
    for (const auto& row : tables.logs[log_id{run}].facts) {
      facts::Fact fact;
      fact.ParseFromString(row.bytes);
      count += fact.body_case() == kind;
    }
    return count;
  }

  const store::log_schedule& schedule(const std::string& run) {
    return tables.logs[log_id{run}].schedule;
  }
};

/// Somebody who wants to hear of an end, and says so `deaf` times too late.
class waiter final : public kit::actor_base {
public:
  waiter(caf::actor_config& cfg, kit::actor_env& shared,
         std::vector<remote::RunEnded>& heard, int deaf,
         std::string where = "waiter")
      : actor_base(cfg, shared, {std::move(where)}), heard_(heard),
        deaf_(deaf) {}

protected:
  kit::handlers make_handlers() override {
    return {kit::on<remote::RunEnded>([this](auto& mail, auto& msg) {
      heard_.push_back(msg);
      if (deaf_-- <= 0)
        reply(mail, remote::RunEndedAck{});
    })};
  }

private:
  std::vector<remote::RunEnded>& heard_;
  int deaf_;
};

} // namespace

// -- programs -----------------------------------------------------------------

TEST_CASE_METHOD(runs_world, "a run executes the program it names") {
  auto first = start("r1", "echo", "hello");
  REQUIRE(first);
  CHECK_FALSE(first->existed());
  CHECK(output("r1") == "hello");
  CHECK(status("r1") == store::log_status::completed);
  CHECK_FALSE(in_memory("r1"));
  auto again = start("r1", "echo", "other");
  REQUIRE(again);
  CHECK(again->existed());
  CHECK(output("r1") == "hello");
}

TEST_CASE_METHOD(runs_world, "a new run of an unknown program is refused") {
  auto got = start("r1", "none");
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::invalid_argument);
  CHECK(got.error().text.find("none") != std::string::npos);
  CHECK(tables.logs.empty());
  advance(3s);
  CHECK_FALSE(in_memory("r1"));
}

TEST_CASE_METHOD(runs_world,
                 "a log whose program is not known any more is parked") {
  REQUIRE(start("r1", "wait"));
  kill_node();
  more.erase("wait");
  start_node();
  signal("r1");
  advance(1s);
  CHECK(status("r1") == store::log_status::needs_operator);
  CHECK(summary("r1").error().find("\"wait\"") != std::string::npos);
}

TEST_CASE_METHOD(runs_world, "a recovered run goes on with its own program") {
  REQUIRE(start("r1", "wait", "answer"));
  restart_node();
  REQUIRE(signal("r1", "!"));
  advance(1s);
  CHECK(output("r1") == "answer!");
  check_gapless();
}

TEST_CASE_METHOD(runs_world, "who started a run hears of its end until it "
                             "has taken it, also after a crash") {
  auto deaf = GENERATE(0, 2);
  std::vector<remote::RunEnded> heard;
  spawn<waiter>(env, heard, deaf);
  remote::StartRun wish;
  wish.set_run("r1");
  wish.set_program("echo");
  wish.set_input("hello");
  wish.set_tell_end_to("waiter");
  wish.set_step("s#1");
  wish.set_attempt(3);
  REQUIRE(ask_all<remote::RunAccepted>("workflow/r1", wish).size() == 1);
  if (deaf == 2) {
    CHECK(in_memory("r1"));
    kill("workflow/r1");
  }
  advance(25s);
  REQUIRE(heard.size() == static_cast<std::size_t>(deaf + 1));
  CHECK(heard.back().output() == "hello");
  CHECK(heard.back().step() == "s#1");
  CHECK(heard.back().attempt() == 3);
  CHECK_FALSE(in_memory("r1"));
}

// -- waiting ------------------------------------------------------------------

TEST_CASE_METHOD(runs_world, "a run that waits for a signal leaves memory") {
  REQUIRE(start("r1", "wait"));
  CHECK(in_memory("r1"));
  CHECK(schedule("r1").idle);
  CHECK_FALSE(schedule("r1").wake_at);
  advance(1'500ms);
  CHECK_FALSE(in_memory("r1"));
  auto appends = tables.appends;
  advance(1h);
  CHECK(tables.appends == appends);
  REQUIRE(signal("r1", "!"));
  CHECK(output("r1") == "x!");
  advance(2s);
  CHECK_FALSE(in_memory("r1"));
}

TEST_CASE_METHOD(runs_world, "rest_after 0 keeps no run that waits") {
  settings.rest_after = 0ms;
  restart_node();
  REQUIRE(start("r1", "wait"));
  CHECK_FALSE(in_memory("r1"));
  REQUIRE(signal("r1"));
  CHECK(output("r1") == "x!");
}

TEST_CASE_METHOD(runs_world, "a node that is half full keeps no run that "
                             "waits") {
  settings.rest_after = 1h;
  settings.runs_max = 4;
  restart_node();
  for (int i = 0; i < 8; ++i)
    REQUIRE(start("r" + std::to_string(i), "wait"));
  CHECK(in_memory("r0"));
  CHECK_FALSE(in_memory("r7"));
}

TEST_CASE_METHOD(runs_world, "a run that sleeps is woken by its row, and "
                             "never before the database holds it due") {
  auto skew = GENERATE(0min, 20min, -20min);
  tables.now = [this, skew] { return virtual_now() + skew; };
  restart_node();
  auto slept_from = virtual_now();
  REQUIRE(start("r1", "nap"));
  advance(2s);
  CHECK_FALSE(in_memory("r1"));
  auto due = schedule("r1").wake_at;
  REQUIRE(due);
  CHECK(*due - (slept_from + skew) >= 1h);
  CHECK(*due - (slept_from + skew) < 1h + 1s);
  advance(58min);
  CHECK(status("r1") == store::log_status::running);
  while (status("r1") == store::log_status::running
         && virtual_now() < slept_from + 65min)
    advance(50ms);
  CHECK(status("r1") == store::log_status::completed);
  auto late = tables.now() - *due;
  CHECK(late >= 0ms);
  CHECK(late < 1s);
}

TEST_CASE_METHOD(runs_world, "how many runs wait is no matter for how often "
                             "the store is asked") {
  for (int i = 0; i < 20; ++i)
    REQUIRE(start("r" + std::to_string(i), "nap"));
  advance(2s);
  auto looks = tables.due_looks;
  advance(10min);
  // The WORKFLOWs' and the AGENTs' ACTIVATOR, once a minute each.
  CHECK(tables.due_looks - looks <= 22);
}

TEST_CASE_METHOD(runs_world, "a node that starts leaves alone who waits") {
  REQUIRE(start("r1", "wait"));
  REQUIRE(start("r2", "nap"));
  far.answers = false;
  REQUIRE(submit("t1"));
  advance(2s);
  restart_node();
  advance(100ms);
  CHECK_FALSE(in_memory("r1"));
  CHECK_FALSE(in_memory("r2"));
  CHECK(in_memory("t1"));
  advance(61min);
  CHECK(status("r2") == store::log_status::completed);
}

TEST_CASE_METHOD(runs_world, "a timer that came due while no node was there "
                             "fires at the next start") {
  REQUIRE(start("r1", "nap"));
  kill_node();
  advance(2h);
  CHECK(status("r1") == store::log_status::running);
  start_node();
  advance(1s);
  CHECK(status("r1") == store::log_status::completed);
}

TEST_CASE_METHOD(runs_world, "a run that somebody follows stays, and goes "
                             "when nobody does any more") {
  REQUIRE(start("r1", "wait"));
  listener::heard heard;
  auto who = spawn<listener>(env, "r1", heard);
  advance(1min);
  CHECK(in_memory("r1"));
  caf::anon_send_exit(who, caf::exit_reason::kill);
  advance(1min);
  CHECK_FALSE(in_memory("r1"));
}

TEST_CASE_METHOD(runs_world, "who follows a run that is at rest wakes it and "
                             "hears the rest") {
  REQUIRE(start("r1", "wait"));
  advance(2s);
  REQUIRE_FALSE(in_memory("r1"));
  listener::heard heard;
  spawn<listener>(env, "r1", heard);
  advance(5s);
  CHECK(in_memory("r1"));
  REQUIRE(signal("r1"));
  advance(1s);
  REQUIRE_FALSE(heard.types.empty());
  CHECK(heard.types.back() == "STREAM_END");
}

TEST_CASE_METHOD(runs_world, "a signal that comes while a run goes to rest "
                             "is not lost") {
  REQUIRE(start("r1", "wait"));
  // Around the moment it leaves, in steps of the scheduler.
  for (int i = 0; i < 40; ++i) {
    auto run = "r-" + std::to_string(i);
    REQUIRE(start(run, "wait"));
    advance(std::chrono::milliseconds{380 + 5 * i});
    REQUIRE(signal(run));
    CHECK(output(run) == "x!");
  }
}

TEST_CASE_METHOD(runs_world, "a parked run holds no memory and can be "
                             "cancelled") {
  more["poison"] = [](context ctx, std::string input) {
    return wait_for_go(std::move(ctx), std::move(input));
  };
  settings.rest_after = 10s;
  restart_node();
  REQUIRE(start("r1", "poison"));
  for (int i = 0; i < 5; ++i) {
    CHECK(kill("workflow/r1"));
    advance(5s);
    CHECK(failures_shown("workflow/r1") == static_cast<std::uint64_t>(i + 1));
  }
  CHECK(status("r1") == store::log_status::needs_operator);
  advance(20s);
  CHECK_FALSE(in_memory("r1"));
  CHECK(describe("r1").phase() == "parked");
  remote::CancelTask cancel;
  cancel.set_task("r1");
  auto got = ask_all<remote::CancelAck>("workflow/r1", cancel);
  REQUIRE(got.size() == 1);
  REQUIRE(got[0]);
  CHECK(got[0]->success());
  advance(1s);
  CHECK(status("r1") == store::log_status::cancelled);
}

TEST_CASE_METHOD(runs_world, "a schedule is said only when it changes") {
  REQUIRE(start("r1", "tool"));
  advance(1s);
  CHECK(status("r1") == store::log_status::completed);
  CHECK(tables.schedules == 0);
  REQUIRE(start("r2", "wait"));
  CHECK(tables.schedules == 1);
}

// -- child runs ---------------------------------------------------------------

TEST_CASE_METHOD(runs_world, "a child run ends exactly once in its parent") {
  REQUIRE(start("p1", "one_child", "echo"));
  advance(1s);
  CHECK(output("p1") == "x");
  CHECK(facts_of("p1", facts::Fact::kStepCompleted) == 1);
  CHECK(status("p1/child#1") == store::log_status::completed);
  CHECK(tables.logs[log_id{"p1/child#1"}].head.birth.parent.value == "p1");
  CHECK_FALSE(in_memory("p1"));
  CHECK_FALSE(in_memory("p1/child#1"));
}

TEST_CASE_METHOD(runs_world, "a child's failure is its step's") {
  REQUIRE(start("p1", "one_child", "failing"));
  advance(1s);
  CHECK(status("p1") == store::log_status::failed);
  CHECK(facts_of("p1", facts::Fact::kStepFailed) == 1);
  CHECK(summary("p1").error() == "x");
  REQUIRE(start("p2", "one_child", "none"));
  advance(1s);
  CHECK(status("p2") == store::log_status::failed);
}

TEST_CASE_METHOD(runs_world, "a parent rests while its children wait, and "
                             "their ends wake it") {
  REQUIRE(start("p1", "three_children", "wait"));
  advance(3s);
  CHECK_FALSE(in_memory("p1"));
  CHECK_FALSE(in_memory("p1/part#2"));
  // So that it asks them again after a crash.
  CHECK_FALSE(schedule("p1").idle);
  for (int i = 1; i <= 3; ++i) {
    REQUIRE(signal("p1/part#" + std::to_string(i)));
    advance(5s);
  }
  CHECK(output("p1") == "0!;1!;2!;");
  CHECK(facts_of("p1", facts::Fact::kStepCompleted) == 3);
}

TEST_CASE_METHOD(runs_world, "a child's end is heard after any crash") {
  // The node dies this long after the children were signalled.
  auto moment = GENERATE(range(0, 12));
  REQUIRE(start("p1", "three_children", "wait"));
  for (int i = 1; i <= 3; ++i) {
    auto mail = std::make_shared<envelope>();
    remote::SignalTask wish;
    wish.set_name("go");
    wish.set_signal_id("s1");
    wish.set_payload("!");
    mail->to = {"workflow/p1/part#" + std::to_string(i)};
    mail->correlation = 1;
    mail->body = std::move(wish);
    addresses.deliver(mail);
  }
  for (int i = 0; i < moment; ++i)
    step();
  restart_node();
  advance(5s);
  for (int i = 1; i <= 3; ++i)
    signal("p1/part#" + std::to_string(i));
  advance(5s);
  CHECK(output("p1") == "0!;1!;2!;");
  CHECK(facts_of("p1", facts::Fact::kStepCompleted) == 3);
  check_gapless();
}

TEST_CASE_METHOD(runs_world, "parents and children may be killed at any "
                             "moment") {
  auto seed = GENERATE(range(1u, 16u));
  std::minstd_rand chance{seed};
  INFO("seed " << seed);
  REQUIRE(start("p1", "three_children", "nap"));
  auto until = virtual_now() + 70min;
  std::map<std::string, int> hits;
  while (status("p1") == store::log_status::running && virtual_now() < until) {
    advance(std::chrono::milliseconds{chance() % 400'000});
    std::string run = "p1";
    if (chance() % 2 != 0)
      run += "/part#" + std::to_string(1 + chance() % 3);
    // Whoever is at rest is woken first: a kill must hit somebody. A fifth at
    // one place would park it.
    if (chance() % 2 != 0)
      ask_all<remote::RunDescription>("workflow/" + run, remote::DescribeRun{},
                                      100ms);
    if (hits[run] < 4)
      hits[run] += kill("workflow/" + run);
    for (auto steps = chance() % 20; steps > 0; --steps)
      step();
  }
  advance(1min);
  CHECK_FALSE(hits.empty());
  CHECK(output("p1") == "0;1;2;");
  CHECK(facts_of("p1", facts::Fact::kStepCompleted) == 3);
  check_gapless();
}

TEST_CASE_METHOD(runs_world, "cancel reaches the children") {
  REQUIRE(start("p1", "three_children", "wait"));
  auto at_rest = GENERATE(true, false);
  if (at_rest)
    advance(5s);
  remote::CancelTask cancel;
  cancel.set_task("p1");
  cancel.set_reason("enough");
  auto got = ask_all<remote::CancelAck>("workflow/p1", cancel);
  REQUIRE(got.size() == 1);
  REQUIRE(got[0]);
  advance(5s);
  CHECK(status("p1") == store::log_status::cancelled);
  for (int i = 1; i <= 3; ++i)
    CHECK(status("p1/part#" + std::to_string(i))
          == store::log_status::cancelled);
  CHECK_FALSE(in_memory("p1"));
}

TEST_CASE_METHOD(runs_world, "a child finds out that its parent has ended") {
  REQUIRE(start("p1", "one_child", "wait"));
  kill_node();
  // As if the node had died before the child could be told.
  tables.logs[log_id{"p1"}].head.status = store::log_status::cancelled;
  start_node();
  describe("p1/child#1");
  advance(1s);
  CHECK(status("p1/child#1") == store::log_status::cancelled);
}

TEST_CASE_METHOD(runs_world, "a child whose end nobody has heard is brought "
                             "back by its row, and not once it was heard") {
  std::vector<remote::RunEnded> heard;
  spawn<waiter>(env, heard, 1, "workflow/p1");
  remote::StartRun wish;
  wish.set_run("p1/c");
  wish.set_program("echo");
  wish.set_input("hello");
  wish.set_parent("p1");
  wish.set_tell_end_to("workflow/p1");
  REQUIRE(ask_all<remote::RunAccepted>("workflow/p1/c", wish, 100ms).size()
          == 1);
  REQUIRE(status("p1/c") == store::log_status::completed);
  REQUIRE(heard.size() == 1);
  restart_node(); // The first time nobody answered.
  advance(1s);
  CHECK(heard.size() == 2);
  CHECK_FALSE(in_memory("p1/c"));
  restart_node();
  advance(1s);
  CHECK(heard.size() == 2);
}

TEST_CASE_METHOD(runs_world, "a parent that is woken by one of its children "
                             "leaves the others alone") {
  REQUIRE(start("p1", "three_children", "wait"));
  advance(3s);
  REQUIRE_FALSE(in_memory("p1/part#2"));
  std::map<std::string, int> opened;
  tables.opening = [&](const log_id& log) { ++opened[log.value]; };
  REQUIRE(signal("p1/part#1"));
  advance(5s);
  tables.opening = [](const log_id&) {};
  CHECK(opened == std::map<std::string, int>{{"p1", 1}, {"p1/part#1", 1}});
  CHECK(tables.active_looks == 1);
  CHECK_FALSE(in_memory("p1"));
}

TEST_CASE_METHOD(runs_world, "a child that is given up is told to stop, "
                             "whatever crashes when") {
  auto word = GENERATE("end", "wait");
  auto at_rest = GENERATE(true, false);
  auto moment = GENERATE(range(0, 24));
  REQUIRE(start("p1", "giving_up"));
  if (at_rest)
    advance(3s);
  auto mail = std::make_shared<envelope>();
  remote::SignalTask wish;
  wish.set_name("go");
  wish.set_signal_id("s1");
  wish.set_payload(word);
  mail->to = {"workflow/p1"};
  mail->correlation = 1;
  mail->body = std::move(wish);
  addresses.deliver(mail);
  for (int i = 0; i < moment; ++i)
    step();
  // An end of the parent that is on disk left nothing behind.
  if (store::is_terminal(status("p1")))
    CHECK(facts_of("p1/part#1", facts::Fact::kCancelRequested) == 1);
  restart_node();
  advance(3s);
  // The signal may have got lost.
  auto given_up = facts_of("p1", facts::Fact::kSignalReceived) == 1;
  CHECK(status("p1/part#1")
        == (given_up ? store::log_status::cancelled
                     : store::log_status::running));
  if (given_up)
    CHECK(status("p1")
          == (word == std::string{"end"} ? store::log_status::completed
                                         : store::log_status::running));
}

TEST_CASE_METHOD(runs_world, "a run that has given up a child and sleeps is "
                             "woken in time") {
  auto died = GENERATE(false, true);
  REQUIRE(start("p1", "giving_up"));
  advance(3s);
  REQUIRE(signal("p1", "nap"));
  advance(5s);
  CHECK(status("p1/part#1") == store::log_status::cancelled);
  if (died)
    restart_node();
  advance(61min);
  CHECK(status("p1") == store::log_status::completed);
}

TEST_CASE_METHOD(runs_world, "an agent of each turn has a log of its own") {
  auto died = GENERATE(false, true);
  far.turns = 1;
  REQUIRE(start("r1", "agent_each_turn", "1"));
  if (died) {
    restart_node();
  }
  advance(20s);
  CHECK(output("r1") == "the answer");
  std::vector<std::string> agents;
  for (const auto& [id, rows] : tables.logs)
    if (rows.head.birth.kind == "agent") {
      agents.push_back(id.value);
      CHECK(rows.head.status == store::log_status::completed);
      CHECK(facts_of("r1", facts::Fact::kChildProgressed)
            == 2 * (rows.head.tail.version - 1));
    }
  REQUIRE(agents.size() == 2);
  CHECK(agents[0] == "r1/agent-1");
  CHECK(agents[1].starts_with("r1/agent-1@"));
}

TEST_CASE_METHOD(runs_world, "a detached child outlives its parent") {
  REQUIRE(start("p1", "detached_child", "wait"));
  advance(1s);
  CHECK(output("p1") == "loose");
  CHECK(status("loose") == store::log_status::running);
  REQUIRE(signal("loose"));
  CHECK(output("loose") == "x!");
}

TEST_CASE_METHOD(runs_world, "a detached child that may not outlive its "
                             "parent is cancelled when it ends") {
  REQUIRE(start("p1", "detached_and_bound", "wait"));
  advance(1s);
  CHECK(output("p1") == "bound");
  CHECK(status("bound") == store::log_status::cancelled);
}

TEST_CASE_METHOD(runs_world, "a child that may be abandoned goes on when its "
                             "parent is cancelled") {
  REQUIRE(start("p1", "child_that_stays", "wait"));
  advance(500ms);
  remote::CancelTask cancel;
  cancel.set_task("p1");
  REQUIRE(ask_all<remote::CancelAck>("workflow/p1", cancel).size() == 1);
  CHECK(status("p1") == store::log_status::cancelled);
  restart_node();
  REQUIRE(signal("stays"));
  advance(1s);
  CHECK(output("stays") == "x!");
  CHECK_FALSE(in_memory("stays"));
}

// -- what is seen of a run ----------------------------------------------------

TEST_CASE_METHOD(runs_world, "an agent that is parked is seen at its task") {
  far.answers = false;
  settings.rest_after = 1h;
  restart_node();
  REQUIRE(submit("t1"));
  for (int i = 0; i < 5; ++i) {
    CHECK(kill("agent/t1/agent-1"));
    advance(5s);
  }
  CHECK(status("t1/agent-1") == store::log_status::needs_operator);
  auto seen = describe("t1");
  REQUIRE(seen.waits_size() == 1);
  CHECK(seen.waits(0).run() == "t1/agent-1");
  CHECK(seen.waits(0).parked().find("5 times") != std::string::npos);
  // Its event is in the task's log, for everyone who follows it.
  bool told = false;
  for (const auto& row : tables.logs[log_id{"t1"}].facts) {
    facts::Fact fact;
    fact.ParseFromString(row.bytes);
    told = told
           || (fact.has_child_progressed()
               && fact.event().message().find("Needs an operator")
                      != std::string::npos);
  }
  CHECK(told);
  // So it is after a restart.
  restart_node();
  advance(1s);
  seen = describe("t1");
  REQUIRE(seen.waits_size() == 1);
  CHECK(seen.waits(0).parked().find("5 times") != std::string::npos);
}

TEST_CASE_METHOD(runs_world, "a query is answered by the program, also when "
                             "the run was at rest") {
  REQUIRE(start("r1", "count"));
  REQUIRE(signal("r1", "a", "1"));
  REQUIRE(signal("r1", "b", "2"));
  advance(3s);
  CHECK_FALSE(in_memory("r1"));
  auto appends = tables.appends;
  remote::QueryRun wish;
  wish.set_name("seen");
  auto got = ask_all<remote::QueryAnswer>("workflow/r1", wish);
  REQUIRE(got.size() == 1);
  REQUIRE(got[0]);
  CHECK(got[0]->payload() == "2");
  wish.set_name("other");
  got = ask_all<remote::QueryAnswer>("workflow/r1", wish);
  REQUIRE(got.size() == 1);
  REQUIRE_FALSE(got[0]);
  CHECK(got[0].error().code == errc::not_found);
  CHECK(tables.appends == appends);
}

// -- parked runs --------------------------------------------------------------

namespace {

struct parked_world : runs_world {
  parked_world() {
    settings.rest_after = 1h;
    restart_node();
  }

  void park(const std::string& where) {
    for (int i = 0; i < 5; ++i) {
      CHECK(kill(where));
      advance(5s);
    }
  }

  result<remote::ResumeAck> resume(const std::string& run) {
    remote::ResumeRun wish;
    wish.set_run(run);
    wish.set_by("operator");
    wish.set_reason("mended");
    auto got = ask_all<remote::ResumeAck>("workflow/" + run, wish);
    REQUIRE(got.size() == 1);
    return got.front();
  }
};

} // namespace

TEST_CASE_METHOD(parked_world, "a parked run that is resumed is read anew and "
                               "goes on") {
  auto died = GENERATE(false, true);
  REQUIRE(start("r1", "wait"));
  park("workflow/r1");
  REQUIRE(status("r1") == store::log_status::needs_operator);
  if (died)
    restart_node();
  auto got = resume("r1");
  REQUIRE(got);
  CHECK(got->success());
  CHECK(status("r1") == store::log_status::running);
  CHECK(describe("r1").phase() == "running");
  got = resume("r1");
  REQUIRE(got);
  CHECK_FALSE(got->success());
  REQUIRE(signal("r1"));
  CHECK(output("r1") == "x!");
  check_gapless();
}

TEST_CASE_METHOD(parked_world, "an agent of a parked task works on, rests, and "
                               "reports when the task is resumed") {
  far.answers = false;
  REQUIRE(submit("t1"));
  park("workflow/t1");
  REQUIRE(status("t1") == store::log_status::needs_operator);
  far.answers = true;
  kill("agent/t1/agent-1"); // Its model call is made again, and answered.
  advance(1min);
  CHECK(status("t1/agent-1") == store::log_status::completed);
  CHECK(addresses.find({"agent/t1/agent-1"}) == addresses.find({"agent"}));
  auto got = resume("t1");
  REQUIRE(got);
  CHECK(got->success());
  advance(5s);
  CHECK(status("t1") == store::log_status::completed);
  CHECK(summary("t1").result() == "the answer");
  check_gapless();
}
