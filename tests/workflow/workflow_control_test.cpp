// Tasks that are cancelled or paused, or for which there is no room.

#include "tests/workflow/workflow_world.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace shannon;
using namespace shannon::test;

TEST_CASE_METHOD(workflow_world, "cancel ends the task and its agent") {
  far.answers = false;
  REQUIRE(submit("t1"));
  advance(1s);
  remote::CancelTask cancel;
  cancel.set_task("t1");
  cancel.set_reason("enough");
  auto got = ask_all<remote::CancelAck>("workflow/t1", cancel);
  REQUIRE(got.size() == 1);
  REQUIRE(got[0]);
  CHECK(got[0]->success());
  advance(2s);
  CHECK(status("t1") == store::log_status::cancelled);
  CHECK(status("t1/agent-1") == store::log_status::cancelled);
  CHECK(summary("t1").cancel_reason() == "enough");
  CHECK(far.cancelled.size() == 1);
  auto again = ask_all<remote::CancelAck>("workflow/t1", cancel);
  REQUIRE(again.size() == 1);
  CHECK_FALSE(again[0]); // Nobody is live there any more.
}

TEST_CASE_METHOD(workflow_world, "a paused task's agent begins nothing until "
                                 "it goes on, whoever dies meanwhile") {
  auto dies = GENERATE(as<std::string>{}, "nobody", "node", "workflow/t1",
                       "agent/t1/agent-1");
  INFO(dies);
  far.turns = 4;
  far.takes = 2s;
  REQUIRE(submit("t1"));
  advance(500ms);
  auto set_paused = [this](bool paused) {
    remote::SetPaused wish;
    wish.set_run("t1");
    wish.set_paused(paused);
    auto got = ask_all<remote::SetPausedAck>("workflow/t1", wish);
    REQUIRE(got.size() == 1);
    REQUIRE(got[0]);
    return got[0]->success();
  };
  CHECK(set_paused(true));
  CHECK_FALSE(set_paused(true));
  CHECK(status("t1") == store::log_status::paused);
  if (dies == "node")
    restart_node();
  else if (dies != "nobody")
    kill(dies);
  advance(5s); // What was under way has ended, or is forgotten.
  CHECK(status("t1/agent-1") == store::log_status::paused);
  auto calls = far.calls;
  advance(60s);
  CHECK(far.calls == calls);
  CHECK(status("t1") == store::log_status::paused);
  CHECK(set_paused(false));
  CHECK_FALSE(set_paused(false));
  advance(30s);
  CHECK(status("t1") == store::log_status::completed);
  CHECK(status("t1/agent-1") == store::log_status::completed);
  check_gapless();
}

TEST_CASE_METHOD(workflow_world,
                 "while there is no room a new task is refused "
                 "and leaves nothing, and those at work go on") {
  door
      = std::make_shared<workflow::intake>(workflow::intake::limits{0us, 1, 1});
  restart_node();
  far.takes = 10s;
  REQUIRE(submit("t1"));
  CHECK(door->at_work() == 1);
  auto refused = submit("t2");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::overloaded);
  CHECK(refused.error().retry_after == 1s);
  CHECK(tables.logs.count(log_id{"t2"}) == 0);
  // Its agent is no new task, and who has accepted it says so again.
  CHECK(submit("t1")->existed());
  advance(40s);
  CHECK(status("t1") == store::log_status::completed);
  CHECK(door->at_work() == 0);
  CHECK(submit("t2"));
}

TEST_CASE_METHOD(workflow_world, "a paused task keeps no new one out, and goes "
                                 "on where there is no room") {
  door
      = std::make_shared<workflow::intake>(workflow::intake::limits{0us, 1, 1});
  restart_node();
  far.takes = 10s;
  REQUIRE(submit("t1"));
  remote::SetPaused wish;
  wish.set_paused(true);
  ask_all<remote::SetPausedAck>("workflow/t1", wish);
  advance(30s);
  CHECK(door->at_work() == 0);
  REQUIRE(submit("t2"));
  CHECK_FALSE(submit("t3"));
  wish.set_paused(false);
  auto resumed = ask_all<remote::SetPausedAck>("workflow/t1", wish);
  REQUIRE(resumed.size() == 1);
  REQUIRE(resumed[0]);
  CHECK(resumed[0]->success());
  CHECK(door->at_work() == 2);
  advance(60s);
  CHECK(status("t1") == store::log_status::completed);
  CHECK(status("t2") == store::log_status::completed);
  CHECK(door->at_work() == 0);
}

TEST_CASE_METHOD(workflow_world,
                 "what a node brings back is brought back, room "
                 "or not") {
  far.takes = 10s;
  for (const char* task : {"t1", "t2", "t3"})
    REQUIRE(submit(task));
  door
      = std::make_shared<workflow::intake>(workflow::intake::limits{0us, 1, 1});
  restart_node();
  CHECK(door->at_work() == 3);
  CHECK_FALSE(submit("t4"));
  advance(60s);
  for (const char* task : {"t1", "t2", "t3"})
    CHECK(status(task) == store::log_status::completed);
}
