// Runs that start each other and hear of each other's ends.

#include "tests/workflow/runs_world.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::test;

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
