// A store that is away, or whose answers get lost.

#include "tests/workflow/workflow_world.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::test;

TEST_CASE_METHOD(workflow_world,
                 "an append whose answer is lost is read back") {
  far.answers = false;
  REQUIRE(submit("t1"));
  advance(1s);
  // Written, but the run is told nobody knows: it must look, not guess.
  tables.refuse_after_writing = true;
  tables.refuse_appends = {{errc::timeout, "unknown", true, {}}};
  far.answers = true;
  kill("agent/t1/agent-1");
  advance(20s);
  CHECK(status("t1") == store::log_status::completed);
  check_gapless();
}

TEST_CASE_METHOD(workflow_world, "a store that is away is waited for") {
  tables.refuse_appends.assign(
      5, {errc::unavailable, "connection refused", true, {}});
  remote::StartTask start;
  start.set_task("t1");
  start.mutable_input()->set_query("q");
  start.mutable_input()->set_mode("simple");
  auto got = ask_all<remote::TaskAccepted>("workflow/t1", start, 10s);
  REQUIRE(got.size() == 1);
  CHECK(got[0]);
  advance(5s);
  CHECK(status("t1") == store::log_status::completed);
}

TEST_CASE_METHOD(workflow_world, "a first append in doubt is made again") {
  tables.refuse_appends = {{errc::timeout, "unknown", true, {}}};
  auto accepted = submit("t1");
  CHECK(accepted);
  advance(5s);
  CHECK(status("t1") == store::log_status::completed);
}

TEST_CASE_METHOD(workflow_world, "doubts about appends never park a run") {
  far.answers = false;
  REQUIRE(submit("t1"));
  tables.refuse_appends.assign(16, {errc::timeout, "unknown", true, {}});
  far.answers = true;
  kill("agent/t1/agent-1");
  advance(120s);
  CHECK(tables.refuse_appends.empty());
  CHECK(status("t1") == store::log_status::completed);
  check_gapless();
}

TEST_CASE_METHOD(workflow_world, "failures park a run however far apart") {
  far.answers = false;
  settings.rest_after = 1h;
  restart_node();
  REQUIRE(submit("t1"));
  for (int i = 0; i < 5; ++i) {
    CHECK(status("t1") == store::log_status::running);
    CHECK(kill("workflow/t1"));
    advance(65s);
  }
  CHECK(status("t1") == store::log_status::needs_operator);
}
