// Sessions and recorded answers over HTTP, on fakes of both stores.

#include "actors/gateway/resources/session_json.hpp"
#include "actors/gateway/text/identifiers.hpp"
#include "tests/gateway/gateway_fixture.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::test;
using gateway::json_in;

namespace {

json_in body_of(const raw_response& answer) {
  return json_in::parse(answer.body, nullptr, false);
}

/// Users are known by UUIDs.
std::string as_user(const std::string& name) {
  return "X-User-Id: " + gateway::named_uuid(name) + "\r\n";
}

std::string submit(gateway_fixture& fixture, const std::string& query,
                   const std::string& session,
                   const std::string& user = "ann") {
  auto answer = fixture.ask(
      post("/api/v1/tasks",
           R"({"query":")" + query + R"(","session_id":")" + session + "\"}",
           as_user(user)));
  return answer.status == 200 ? body_of(answer)["task_id"].get<std::string>()
                              : std::to_string(answer.status);
}

void complete(gateway_fixture& fixture, const std::string& task,
              const std::string& result) {
  fixture.runs.with(task, [&](fake_runs::run& run) {
    facts::Summary summary;
    summary.ParseFromString(run.head.summary);
    summary.set_result(result);
    run.head.summary = summary.SerializeAsString();
    run.head.status = store::log_status::completed;
  });
}

raw_response ask_as(gateway_fixture& fixture, const std::string& path,
                    const std::string& user = "ann") {
  return fixture.ask(get(path, as_user(user)));
}

} // namespace

TEST_CASE("a session begins with its first task and is found by both names") {
  gateway_fixture fixture;
  submit(fixture, "what is it?", "talk-1");
  auto all = body_of(ask_as(fixture, "/api/v1/sessions"));
  REQUIRE(all["total_count"] == 1);
  auto one = all["sessions"][0];
  CHECK(one["title"] == "what is it?");
  CHECK(one["context"]["external_id"] == "talk-1");
  CHECK(one["task_count"] == 1);
  auto id = one["session_id"].get<std::string>();
  CHECK(id.size() == 36);
  for (const auto& name : {id, std::string{"talk-1"}}) {
    auto detail = ask_as(fixture, "/api/v1/sessions/" + name);
    CHECK(detail.status == 200);
    CHECK(body_of(detail)["session_id"] == id);
  }
  // Another user's is another one.
  CHECK(ask_as(fixture, "/api/v1/sessions/" + id, "bob").status == 404);
  CHECK(
      body_of(ask_as(fixture, "/api/v1/sessions", "bob"))["sessions"].empty());
  CHECK(submit(fixture, "mine", id, "bob") == "404");
}

TEST_CASE("a task is told what was said in its session before") {
  gateway_fixture fixture;
  auto first = submit(fixture, "my name is Ann", "talk");
  complete(fixture, first, "Hello Ann");
  auto second = submit(fixture, "what is my name?", "talk");
  auto input = fixture.runs.find(second)->input;
  REQUIRE(input.history_size() == 2);
  CHECK(input.history(0).text() == "my name is Ann");
  CHECK(input.history(0).role() == remote::ChatMessage::USER);
  CHECK(input.history(1).text() == "Hello Ann");
  // Nobody else's conversation is told.
  auto other = submit(fixture, "what is my name?", "talk", "bob");
  CHECK(fixture.runs.find(other)->input.history_size() == 0);
  auto alone = submit(fixture, "what is my name?", "talk-2");
  CHECK(fixture.runs.find(alone)->input.history_size() == 0);
}

TEST_CASE("of a long conversation the newest of it is told") {
  auto said = [](char what, std::size_t bytes) {
    facts::Summary summary;
    summary.set_query(std::string(bytes, what));
    summary.set_result("ok");
    store::log_head head;
    head.status = store::log_status::completed;
    head.summary = summary.SerializeAsString();
    return head;
  };
  auto told = gateway::history_of(
      {said('c', 60'000), said('b', 150'000), said('a', 60'000)}, 50);
  REQUIRE(told.size() == 4);
  CHECK(told[0].text() == std::string(150'000, 'b'));
  CHECK(told[2].text() == std::string(60'000, 'c'));
}

TEST_CASE("a session without a name begins with its task") {
  gateway_fixture fixture;
  auto first = [&] {
    auto answer = fixture.ask(
        post("/api/v1/tasks",
             R"({"query":"why?","mode":"simple","context":{"role":"poet"}})",
             as_user("ann")));
    REQUIRE(answer.status == 200);
    auto run = fixture.runs.find(body_of(answer)["task_id"]);
    REQUIRE(run);
    CHECK(answer.fields["x-session-id"] == run->head.birth.session.value);
    return *run;
  };
  SECTION("in the append of that") {
    auto run = first();
    REQUIRE(run.opens);
    CHECK(run.opens->id() == run.head.birth.session.value);
    CHECK(run.opens->title() == "why?");
    CHECK(run.opens->mode() == "simple");
    CHECK(json_in::parse(run.opens->context_json())
          == json_in{{"role", "poet"}});
    CHECK(fixture.records.sessions().empty());
  }
  SECTION("by the gateway, where the task's owner is of before") {
    fixture.runs.leave_sessions();
    auto run = first();
    auto sessions = fixture.records.sessions();
    REQUIRE(sessions.size() == 1);
    CHECK(sessions[0].id == run.head.birth.session.value);
    CHECK(sessions[0].title == "why?");
  }
}

TEST_CASE("a session goes on under its id as under its name") {
  gateway_fixture fixture;
  auto first = submit(fixture, "my name is Ann", "talk-1");
  complete(fixture, first, "Hello Ann");
  auto id = body_of(ask_as(fixture,
                           "/api/v1/sessions"))["sessions"][0]["session_id"]
                .get<std::string>();
  auto answer = fixture.ask(
      post("/api/v1/tasks",
           R"({"query":"what is my name?","session_id":")" + id + "\"}",
           as_user("ann")));
  REQUIRE(answer.status == 200);
  // Each client is told the name that it has used.
  CHECK(answer.fields["x-session-id"] == id);
  auto second = body_of(answer)["task_id"].get<std::string>();
  auto input = fixture.runs.find(second)->input;
  CHECK(input.session() == "talk-1");
  REQUIRE(input.history_size() == 2);
  CHECK(input.history(1).text() == "Hello Ann");
  for (const auto& name : {id, std::string{"talk-1"}}) {
    INFO(name);
    auto path = "/api/v1/sessions/" + name;
    CHECK(body_of(ask_as(fixture, path))["task_count"] == 2);
    CHECK(body_of(ask_as(fixture, path + "/history"))["total"] == 2);
    CHECK(body_of(ask_as(fixture, path + "/events"))["count"] == 2);
  }
}

TEST_CASE("a session's history and turns are told oldest first") {
  gateway_fixture fixture;
  auto first = submit(fixture, "one", "talk");
  complete(fixture, first, "1");
  fixture.fakes.publish(
      first, fact_of("AGENT_STARTED", "go", "agent-1", R"({"role":"x"})"));
  auto second = submit(fixture, "two", "talk");
  auto history = body_of(ask_as(fixture, "/api/v1/sessions/talk/history"));
  CHECK(history["session_id"] == "talk");
  CHECK(history["total"] == 2);
  REQUIRE(history["tasks"].size() == 2);
  for (const auto& task : history["tasks"]) {
    CHECK(task.contains("started_at"));
    CHECK(task["task_id"] == task["workflow_id"]);
  }
  auto turns = body_of(
      ask_as(fixture, "/api/v1/sessions/talk/events?include_payload=true"));
  CHECK(turns["count"] == 2);
  REQUIRE(turns["turns"].size() == 2);
  std::size_t events = 0;
  for (const auto& turn : turns["turns"]) {
    events += turn["events"].size();
    CHECK(turn["events"].is_array());
    for (const auto& event : turn["events"])
      CHECK(event["payload"] == R"({"role":"x"})"); // A text, not an object.
  }
  CHECK(events == 1);
  auto page = body_of(
      ask_as(fixture, "/api/v1/sessions/talk/events?limit=1&offset=1"));
  REQUIRE(page["turns"].size() == 1);
  CHECK(page["turns"][0]["turn"] == 2);
  CHECK(
      body_of(ask_as(fixture, "/api/v1/sessions/talk/events?offset=9"))["turns"]
          .empty());
  CHECK(ask_as(fixture, "/api/v1/sessions/talk/events?limit=x").status == 400);
}

TEST_CASE("a session is renamed within its bounds") {
  gateway_fixture fixture;
  submit(fixture, "one", "talk");
  auto rename = [&](const std::string& title) {
    auto body = R"({"title":)" + json_in(title).dump() + "}";
    auto request = post("/api/v1/sessions/talk", body, as_user("ann"));
    request.replace(0, 4, "PATCH");
    return fixture.ask(request);
  };
  auto renamed = rename("  Über \x01uns ");
  CHECK(renamed.status == 200);
  CHECK(body_of(renamed)
        == json_in{{"session_id", "talk"}, {"title", "Über uns"}});
  std::string longest;
  for (int i = 0; i < 60; ++i)
    longest += "ü";
  CHECK(rename(longest).status == 200);
  CHECK(body_of(rename(longest + "x"))["error"]
        == "Title must be 60 characters or less");
  CHECK(body_of(rename("  "))["error"] == "Title cannot be empty");
  CHECK(body_of(rename("\x01"))["error"]
        == "Title cannot contain only control characters");
}

TEST_CASE("a deleted session is not shown, and deleted again without harm") {
  gateway_fixture fixture;
  submit(fixture, "one", "talk");
  auto remove = [&](const std::string& name) {
    return fixture
        .ask("DELETE /api/v1/sessions/" + name + " HTTP/1.1\r\nHost: x\r\n"
             + as_user("ann") + "\r\n")
        .status;
  };
  CHECK(remove("talk") == 204);
  CHECK(remove("talk") == 204);
  CHECK(remove("none") == 404);
  CHECK(ask_as(fixture, "/api/v1/sessions/talk").status == 404);
  CHECK(body_of(ask_as(fixture, "/api/v1/sessions"))["total_count"] == 0);
}

TEST_CASE("a session that was deleted and is used again begins empty") {
  gateway_fixture fixture;
  auto of = [&](const std::string& what) {
    return body_of(ask_as(fixture, "/api/v1/sessions/" + what));
  };
  auto count = [&] {
    return body_of(
        ask_as(fixture, "/api/v1/sessions"))["sessions"][0]["task_count"];
  };
  for (const char* query : {"my name is Ann", "and I am ten", "who am I?"})
    complete(fixture, submit(fixture, query, "talk"), "Hello");
  CHECK(of("talk/history")["total"] == 3);
  auto id = of("talk")["session_id"].get<std::string>();
  auto removed = fixture.ask("DELETE /api/v1/sessions/talk HTTP/1.1\r\nHost: "
                             "x\r\n"
                             + as_user("ann") + "\r\n");
  REQUIRE(removed.status == 204);
  fixture.records.set_now(
      sessions::time{std::chrono::milliseconds{1'700'000'003'500}});

  auto first = submit(fixture, "what is my name?", "talk");
  CHECK(fixture.runs.find(first)->input.history_size() == 0);
  CHECK(of("talk")["session_id"] == id);
  CHECK(of("talk")["task_count"] == 1);
  CHECK(count() == 1);
  auto history = of("talk/history");
  CHECK(history["total"] == 1);
  REQUIRE(history["tasks"].size() == 1);
  CHECK(history["tasks"][0]["query"] == "what is my name?");
  auto turns = of("talk/events");
  CHECK(turns["count"] == 1);
  REQUIRE(turns["turns"].size() == 1);
  CHECK(turns["turns"][0]["user_query"] == "what is my name?");
  CHECK(of("talk/events?offset=1")["turns"].empty());
  for (const auto& name : {std::string{"talk"}, id}) {
    auto tasks = body_of(ask_as(fixture, "/api/v1/tasks?session_id=" + name));
    CHECK(tasks["total_count"] == 1);
    REQUIRE(tasks["tasks"].size() == 1);
    CHECK(tasks["tasks"][0]["query"] == "what is my name?");
  }

  // From then on it remembers, whichever way it is named.
  complete(fixture, first, "I do not know");
  for (const auto& name : {std::string{"talk"}, id}) {
    auto next = submit(fixture, "and now?", name);
    auto input = fixture.runs.find(next)->input;
    REQUIRE(input.history_size() == 2);
    CHECK(input.history(0).text() == "what is my name?");
  }
  CHECK(of("talk/history")["total"] == 3);
  CHECK(of("talk/events?limit=1&offset=2")["turns"][0]["turn"] == 3);
}

TEST_CASE("a planned task gives its session a title while that has none") {
  gateway_fixture fixture;
  auto wants_title = [&](const std::string& more) {
    auto answer = fixture.ask(post("/api/v1/tasks",
                                   R"({"query":"what is it?")" + more + "}",
                                   as_user("ann")));
    REQUIRE(answer.status == 200);
    return fixture.runs.find(body_of(answer)["task_id"].get<std::string>())
        ->input.names_session();
  };
  CHECK(wants_title(""));
  CHECK(wants_title(R"(,"session_id":"talk")"));
  // The first one may have failed.
  CHECK(wants_title(R"(,"session_id":"talk")"));
  CHECK_FALSE(wants_title(R"(,"session_id":"talk","mode":"simple")"));
  CHECK_FALSE(wants_title(R"(,"mode":"simple")"));
  auto rename
      = post("/api/v1/sessions/talk", R"({"title":"Mine"})", as_user("ann"));
  auto renamed = fixture.ask(rename.replace(0, 4, "PATCH"));
  CHECK(renamed.status == 200);
  CHECK_FALSE(wants_title(R"(,"session_id":"talk")"));
}

TEST_CASE("a title is the first words of the query") {
  CHECK(gateway::title_of("  what\nis it? ") == "what is it?");
  auto title = gateway::title_of(std::string(100, 'x'));
  CHECK(title == std::string(59, 'x') + "…");
  CHECK(gateway::title_of("\x01") == "");
}

TEST_CASE("a repeat under the same key is answered with the first answer") {
  gateway_fixture fixture;
  fixture.runs.with("t", [](fake_runs::run&) {});
  auto pause = [&](const std::string& key, const std::string& body = "") {
    return fixture.ask(post("/api/v1/tasks/t/pause", body,
                            "Idempotency-Key: " + key + "\r\n"));
  };
  auto first = pause("k1");
  CHECK(first.status == 202);
  auto repeated = pause("k1");
  CHECK(repeated.status == 202); // Carried out again it would be 409.
  CHECK(repeated.body == first.body);
  CHECK(repeated.fields["x-idempotency-cached"] == "true");
  CHECK(pause("k1", R"({"reason":"x"})").status == 422);
  // Only success is recorded.
  CHECK(pause("k2").status == 409);
  CHECK(fixture.ask(post("/api/v1/tasks/t/resume", "")).status == 202);
  CHECK(pause("k2").status == 202);
}

TEST_CASE("of many at once under one key one does the work, the others have "
          "its answer") {
  gateway_fixture fixture;
  fixture.runs.with("t", [](fake_runs::run&) {});
  std::vector<std::future<raw_response>> all;
  for (int i = 0; i < 8; ++i)
    all.push_back(std::async(std::launch::async, [&] {
      return fixture.ask(
          post("/api/v1/tasks/t/pause", "", "Idempotency-Key: k\r\n"));
    }));
  int first = 0;
  for (auto& one : all) {
    auto answer = one.get();
    CHECK(answer.status == 202);
    first += answer.fields.count("x-idempotency-cached") == 0;
  }
  CHECK(first == 1);
}
