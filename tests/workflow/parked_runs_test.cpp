// What is seen of a run, and how one that is parked goes on.

#include "tests/workflow/runs_world.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::test;

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
