// Schedules over HTTP, on a fake EVENT STORE and what schedules make of a
// change.

#include "actors/gateway/text/json_text.hpp"
#include "actors/workflow/strategies/schedule.hpp"
#include "tests/gateway/gateway_fixture.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace shannon;
using namespace shannon::test;
using gateway::json_in;

namespace {

json_in body_of(const raw_response& answer) {
  return json_in::parse(answer.body, nullptr, false);
}

/// SCHEDULEs that only remember what they are.
class schedule_fixture : public gateway_fixture {
public:
  schedule_fixture() {
    stand_in("schedule", [this](const envelope& mail) { return take(mail); });
  }

  raw_response put(const std::string& path, const std::string& body,
                   const char* method = "PUT") {
    auto request = post(path, body);
    request.replace(0, 4, method);
    return ask(request);
  }

  std::string create(const std::string& more = {}) {
    auto made = ask(post("/api/v1/schedules",
                         R"({"name":"report","cron_expression":"0 9 * * 1-5",)"
                         R"("task_query":"what is new?")"
                             + more + "}"));
    REQUIRE(made.status == 201);
    return body_of(made)["schedule_id"];
  }

private:
  result<message_body> take(const envelope& mail) {
    if (const auto* msg = mail.body.get_if<remote::StartRun>()) {
      remote::Schedule what;
      what.ParseFromString(msg->input());
      runs.with(msg->run(), [&](fake_runs::run& run) {
        run.head.birth.kind = "schedule";
        run.head.birth.session = session_id{msg->session()};
        run.head.attributes = workflow::schedule_attributes(what);
      });
      remote::RunAccepted answer;
      answer.set_run(msg->run());
      return message_body{std::move(answer)};
    }
    const auto& msg = *mail.body.get_if<remote::SignalTask>();
    remote::ScheduleChange change;
    change.ParseFromString(msg.payload());
    runs.with(msg.task(), [&](fake_runs::run& run) {
      auto what = change.schedule();
      workflow::apply_change(what, change);
      run.head.attributes = workflow::schedule_attributes(what);
      if (what.deleted())
        run.head.status = store::log_status::completed;
    });
    return message_body{remote::SignalAck{}};
  }
};

} // namespace

TEST_CASE("a schedule is made, looked at, changed, paused and deleted") {
  schedule_fixture fixture;
  auto id
      = fixture.create(R"(,"timezone":"Europe/Berlin",)"
                       R"("task_context":{"role":"x","force_research":true},)"
                       R"("max_budget_per_run_usd":2.5)");
  auto path = "/api/v1/schedules/" + id;
  auto one = body_of(fixture.ask(get(path)));
  CHECK(one["schedule_id"] == id);
  CHECK(one["status"] == "ACTIVE");
  CHECK(one["timezone"] == "Europe/Berlin");
  CHECK(one["timeout_seconds"] == 3'600);
  CHECK(one["max_budget_per_run_usd"] == 2.5);
  CHECK(one["task_context"]
        == json_in{{"role", "x"}, {"force_research", "true"}});
  CHECK_FALSE(one["next_run_at"].get<std::string>().empty());
  CHECK(one["created_at"].get<std::string>().size() == 20);
  auto all = body_of(fixture.ask(get("/api/v1/schedules")));
  CHECK(all["total_count"] == 1);
  CHECK(all["schedules"][0] == one);

  auto changed = fixture.put(path, R"({"name":"weekly","timezone":null})");
  CHECK(changed.status == 200);
  one = body_of(fixture.ask(get(path)));
  CHECK(one["name"] == "weekly");
  CHECK(one["timezone"] == "Europe/Berlin"); // Null keeps what was.
  CHECK(one["task_context"].size() == 2);
  fixture.put(path, R"({"clear_task_context":true})");
  CHECK(body_of(fixture.ask(get(path)))["task_context"].empty());

  auto paused = fixture.ask(post(path + "/pause", ""));
  CHECK(paused.status == 200);
  CHECK(body_of(paused)["success"] == true);
  CHECK(body_of(paused).contains("next_run_at") == false);
  CHECK(body_of(fixture.ask(get(path)))["status"] == "PAUSED");
  auto resumed = fixture.ask(post(path + "/resume", ""));
  CHECK(body_of(resumed).contains("next_run_at"));

  auto deleted = fixture.put(path, "", "DELETE");
  CHECK(deleted.status == 200);
  CHECK(fixture.ask(get(path)).status == 404);
  CHECK(fixture.put(path, "{}").status == 404);
}

TEST_CASE("the session of a schedule's tasks is there") {
  schedule_fixture fixture;
  auto id = fixture.create(R"(,"task_context":{"role":"x"})");
  remote::Schedule what;
  what.set_id(id);
  auto task = workflow::scheduled_task(what, 0);
  auto path = "/api/v1/sessions/" + task.session();
  auto session = body_of(fixture.ask(get(path)));
  CHECK(session["context"]["title"] == "report");
  CHECK(session["context"]["role"] == "x");
  // It is kept for as long as the schedule.
  CHECK(fixture.runs.find(id)->head.birth.session.value == task.session());
}

TEST_CASE("what is wrong with a schedule is said") {
  schedule_fixture fixture;
  auto error = [&](const std::string& body) {
    auto answer = fixture.ask(post("/api/v1/schedules", body));
    CHECK(answer.status == 400);
    return body_of(answer)["error"].get<std::string>();
  };
  auto with = [](const std::string& more) {
    return R"({"name":"a","cron_expression":"0 9 * * *","task_query":"q",)"
           + more + "}";
  };
  CHECK(error("{}") == "schedule name required");
  CHECK(error(R"({"name":"a"})") == "cron expression required");
  CHECK(error(R"({"name":"a","cron_expression":"0 9 * * *"})")
        == "task query required");
  CHECK(error(with(R"("cron_expression":"0 9 * *")")).find("expected 5 fields")
        != std::string::npos);
  CHECK(error(with(R"("cron_expression":"*/15 * * * *")"))
            .starts_with("cron interval too short: 15 minutes"));
  CHECK(error(with(R"("timezone":"Mars/Olympus")"))
            .starts_with("invalid timezone"));
  CHECK(error(with(R"("max_budget_per_run_usd":11)"))
            .starts_with("max_budget_per_run_usd out of range"));
  CHECK(error(with(R"("max_budget_per_run_usd":-1)"))
            .starts_with("max_budget_per_run_usd out of range"));
  CHECK(error(with(R"("task_context":[])")).find("must be an object")
        != std::string::npos);
  CHECK(error(with(R"("overlap_policy":"maybe")"))
            .starts_with("Invalid overlap_policy"));
  CHECK(fixture.ask(get("/api/v1/schedules/none")).status == 404);
}

TEST_CASE("a user has so many schedules and no more") {
  schedule_fixture fixture;
  for (int i = 0; i < 50; ++i)
    fixture.create();
  auto refused = fixture.ask(
      post("/api/v1/schedules",
           R"({"name":"a","cron_expression":"0 9 * * *","task_query":"q"})"));
  CHECK(refused.status == 429);
  CHECK(body_of(refused)["error"].get<std::string>().starts_with(
      "schedule limit reached"));
  auto page
      = body_of(fixture.ask(get("/api/v1/schedules?page=3&page_size=20")));
  CHECK(page["schedules"].size() == 10);
  CHECK(page["total_count"] == 50);
  CHECK(page["page"] == 3);
}

TEST_CASE("a repeated creation under one key makes one schedule") {
  schedule_fixture fixture;
  auto request
      = post("/api/v1/schedules",
             R"({"name":"a","cron_expression":"0 9 * * *","task_query":"q"})",
             "Idempotency-Key: k\r\n");
  auto first = fixture.ask(request);
  auto second = fixture.ask(request);
  CHECK(first.status == 201);
  CHECK(second.status == 201);
  CHECK(first.body == second.body);
  CHECK(fixture.runs.heads().size() == 1);
}

TEST_CASE("a schedule's runs are the tasks it has started") {
  schedule_fixture fixture;
  auto id = fixture.create();
  fixture.runs.with("task-1", [&](fake_runs::run& run) {
    run.head.birth.parent = log_id{id};
    facts::Summary summary;
    summary.set_query("what is new?");
    summary.set_result("nothing");
    run.head.summary = summary.SerializeAsString();
    run.head.status = store::log_status::completed;
  });
  auto runs = body_of(fixture.ask(get("/api/v1/schedules/" + id + "/runs")));
  CHECK(runs["total_count"] == 1);
  CHECK(runs["page_size"] == 20);
  REQUIRE(runs["runs"].size() == 1);
  CHECK(runs["runs"][0]["workflow_id"] == "task-1");
  CHECK(runs["runs"][0]["status"] == "COMPLETED");
  CHECK(runs["runs"][0]["result"] == "nothing");
}
