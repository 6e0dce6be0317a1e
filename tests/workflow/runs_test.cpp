// Runs of any program: how they begin, wait without memory, and come back.

#include "actors/kit/owned_shards.hpp"
#include "protocols/cluster.hpp"
#include "tests/workflow/runs_world.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::test;

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
  more["poison"] = more["wait"];
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

// -- shards that come back
// ------------------------------------------------------

namespace {

/// A node of a cluster that has all shards, and whose runs never rest.
struct sharded_world : runs_world {
  sharded_world() {
    settings.rest_after = 1h;
    owned.gain({{0, 1}});
    owned.hold_until(kit::owned_shards::clock::time_point::max());
    owned.told();
    env.shards = &owned;
    restart_node();
    tables.opening = [this](const log_id& log) { ++opened[log.value]; };
  }
  ~sharded_world() {
    kill_node();
    tables.opening = [](const log_id&) {};
    env.shards = nullptr;
  }

  kit::owned_shards owned{1};
  std::map<std::string, int> opened;
};

} // namespace

TEST_CASE_METHOD(sharded_world, "a run whose shard another node may have had "
                                "is read anew, though nobody heard of it in "
                                "time") {
  REQUIRE(start("p1", "one_child", "wait"));
  advance(1s);
  opened.clear();
  // Lost for a while in which nobody here got to work.
  owned.lose({0});
  owned.gain({{0, 3}});
  SECTION("told of the loss too late") {
    auto ended = ask_all<cluster::runs_ended>("workflow",
                                              cluster::end_lost_runs{}, 1s);
    REQUIRE(ended.size() == 1);
    REQUIRE(ended[0]);
    CHECK(ended[0]->runs == 2);
  }
  SECTION("told of the gain alone") {
    ask_all<remote::RunAccepted>("workflow", cluster::shards_gained{{0}}, 1s);
  }
  advance(1s);
  CHECK(opened == std::map<std::string, int>{{"p1", 1}, {"p1/child#1", 1}});
  REQUIRE(signal("p1/child#1"));
  advance(1s);
  CHECK(status("p1") == store::log_status::completed);
}
