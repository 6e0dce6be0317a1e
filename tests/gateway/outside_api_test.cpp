// Bodies, and what is told of tasks from outside: the admin port's routes of
// the reference platform.

#include "actors/gateway/identity/digest.hpp"
#include "actors/gateway/text/identifiers.hpp"
#include "actors/gateway/text/json_text.hpp"
#include "actors/kit/bytes_text.hpp"
#include "protocols/accounts.hpp"
#include "tests/gateway/gateway_fixture.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::test;
using gateway::json_in;

namespace {

json_in body_of(const raw_response& answer) {
  return json_in::parse(answer.body, nullptr, false);
}

raw_response admin(gateway_fixture& fixture, const std::string& request) {
  auto one = fixture.admin_client();
  REQUIRE(one.send(request));
  auto answer = one.response();
  REQUIRE(answer);
  return std::move(*answer);
}

std::string of_tenant(const std::string& name) {
  return "X-Tenant-Id: " + gateway::named_uuid(name) + "\r\n";
}

/// Not of the tenant that clients of a developer's node are of.
void make_foreign(gateway_fixture& fixture, const std::string& task) {
  fixture.runs.with(task, [](fake_runs::run& run) {
    run.head.birth.tenant = tenant_id{"another"};
  });
}

config::http_settings with_tokens() {
  auto settings = quick_settings();
  settings.approvals_token = "let me decide";
  settings.events_token = "let me tell";
  return settings;
}

} // namespace

// -- bodies -------------------------------------------------------------------

TEST_CASE("a body is given in base64 to a caller whose tenant refers to it") {
  gateway_fixture fixture;
  auto hash = gateway::sha256("picture");
  fixture.runs.keep_blob(tenant_id{accounts::first_tenant}, hash, "\xff\x01!");
  auto path = "/api/v1/blob/shannon:blob:" + kit::to_hex(hash);
  auto got = fixture.ask(get(path));
  CHECK(got.status == 200);
  CHECK(got.fields["content-type"] == "text/plain");
  CHECK(got.fields["cache-control"] == "private, max-age=604800");
  CHECK(got.body == "/wEh");
  // Whoever else knows the hash learns what an unknown one tells.
  auto theirs = fixture.ask(get(path, of_tenant("others")));
  auto unknown
      = fixture.ask(get("/api/v1/blob/shannon:blob:" + std::string(64, '0')));
  for (const auto& refused : {theirs, unknown}) {
    CHECK(refused.status == 404);
    CHECK(refused.body == "{\"error\":\"blob not found\"}\n");
    CHECK(refused.fields.at("content-type") == "text/plain; charset=utf-8");
  }
  CHECK(fixture.ask(get("/api/v1/blob/shannon:blob:xyz")).status == 404);
  auto bad = fixture.ask(get("/api/v1/blob/other:1"));
  CHECK(bad.status == 400);
  CHECK(bad.body == "{\"error\":\"invalid blob key\"}\n");
  // On the admin port bodies of all tenants are shown.
  auto shown = admin(fixture, get("/blob/shannon:blob:" + kit::to_hex(hash)));
  CHECK(shown.status == 200);
  CHECK(shown.body == "/wEh");
  CHECK(admin(fixture, get("/blob/nothing")).status == 400);
  CHECK(fixture.ask(get("/blob/shannon:blob:1")).status == 404);
}

// -- looking at tasks ---------------------------------------------------------

TEST_CASE("on the admin port the tasks of all tenants are followed") {
  gateway_fixture fixture;
  make_foreign(fixture, "t");
  fixture.fakes.publish("t", fact_of("WORKFLOW_STARTED", "Starting up"));
  auto one = fixture.admin_client();
  one.send("GET /stream/sse?workflow_id=t HTTP/1.0\r\nHost: a\r\n\r\n");
  auto head = one.response(false);
  REQUIRE(head);
  CHECK(head->status == 200);
  CHECK(head->fields["cache-control"] == "no-cache, no-transform");
  CHECK(one.read_until("Starting up"));
  fixture.fakes.publish("t", fact_of("STREAM_END", "Done"));
  CHECK(one.read_until("event: done"));
  CHECK(admin(fixture, get("/stream/sse")).status == 400);
  CHECK(admin(fixture, get("/stream/ws?workflow_id=t")).status == 400);
  // No such way leads in through the other door.
  CHECK(fixture.ask(get("/stream/sse?workflow_id=t")).status == 404);
}

TEST_CASE("on the admin port the timeline of any task is told") {
  gateway_fixture fixture;
  make_foreign(fixture, "t");
  fixture.fakes.publish("t", fact_of("WORKFLOW_STARTED", "Starting up"));
  auto got = admin(fixture, get("/timeline?workflow_id=t&mode=full"));
  CHECK(got.status == 200);
  CHECK(body_of(got)["workflow_id"] == "t");
  CHECK(body_of(got)["events"].size() == 1);
  CHECK(admin(fixture, get("/timeline?workflow_id=t&persist=true")).status
        == 202);
  CHECK(admin(fixture, get("/timeline")).status == 400);
  CHECK(admin(fixture, get("/timeline?workflow_id=nowhere")).status == 404);
  CHECK(fixture.ask(get("/timeline?workflow_id=t")).status == 404);
}

// -- decisions ----------------------------------------------------------------

TEST_CASE("a decision on the admin port needs the token that is set") {
  gateway_fixture fixture{with_tokens()};
  make_foreign(fixture, "t");
  const std::string decision
      = R"({"workflow_id":"t","approval_id":"a1","approved":true})";
  for (const std::string field :
       {"", "Authorization: Bearer wrong\r\n", "Authorization: Bearer \r\n",
        "Authorization: let me decide\r\n",
        "Authorization: Bearer let me tell\r\n"}) {
    INFO(field);
    auto refused = admin(fixture, post("/approvals/decision", decision, field));
    CHECK(refused.status == 401);
    CHECK(body_of(refused)["error"] == "unauthorized");
  }
  CHECK(fixture.runs.find("t")->signals.empty());
  const std::string token = "Authorization: Bearer let me decide\r\n";
  auto sent = admin(fixture, post("/approvals/decision", decision, token));
  CHECK(sent.status == 200);
  CHECK(body_of(sent)["status"] == "sent");
  CHECK(body_of(sent)["approval_id"] == "a1");
  auto run = fixture.runs.find("t");
  REQUIRE(run->signals.size() == 1);
  CHECK(run->signals[0].name() == "human-approval-a1");
  CHECK(json_in::parse(run->signals[0].payload())["approved"] == true);
  auto misspelt = admin(
      fixture,
      post("/approvals/decision",
           R"({"workflow_id":"t","approval_id":"a2","aproved":true})", token));
  CHECK(misspelt.status == 400);
  CHECK(body_of(misspelt)["error"] == "unknown field \"aproved\"");
  CHECK(admin(fixture, post("/approvals/decision", "{}", token)).status == 400);
}

// -- events -------------------------------------------------------------------

TEST_CASE("events told from outside become facts of their tasks") {
  gateway_fixture fixture;
  make_foreign(fixture, "t");
  fixture.fakes.publish("t", fact_of("WORKFLOW_STARTED", "Starting up"));
  auto one = admin(fixture, post("/events", R"({"workflow_id":"t",
      "type":"TOOL_STARTED","agent_id":"helper","message":"looks",
      "payload":{"tool":"web"}})"));
  CHECK(one.status == 200);
  CHECK(body_of(one)["status"] == "ok");
  CHECK(body_of(one)["stored"] == 1);
  auto many = admin(fixture, post("/events", R"([
      {"workflow_id":"t","type":"STATUS_UPDATE","message":"1"},
      {"workflow_id":"t","type":"STATUS_UPDATE","message":"2"},
      {"workflow_id":"nowhere","type":"STATUS_UPDATE"},
      {"workflow_id":"t","type":"LLM_PARTIAL","message":"to"},
      {"workflow_id":"t"},{"type":"X"}])"));
  CHECK(body_of(many)["stored"] == 2);
  CHECK(body_of(many)["passed"] == 1);
  CHECK(body_of(many)["dropped"] == 3);
  auto run = fixture.runs.find("t");
  REQUIRE(run->facts.size() == 4);
  facts::Fact first;
  REQUIRE(first.ParseFromString(run->facts[1].bytes));
  CHECK(first.event().type() == "TOOL_STARTED");
  CHECK(first.event().agent_id() == "helper");
  CHECK(first.event().payload_json() == R"({"tool":"web"})");
  for (int i = 1; i <= 2; ++i) {
    facts::Fact fact;
    REQUIRE(fact.ParseFromString(run->facts[i + 1].bytes));
    CHECK(fact.event().message() == std::to_string(i));
  }
  for (const auto& signal : run->signals)
    CHECK(signal.name().empty());
}

TEST_CASE("an event that bears a time is told once however often it comes") {
  gateway_fixture fixture;
  fixture.runs.with("t", [](auto&) {});
  const std::string event = R"({"workflow_id":"t","type":"STATUS_UPDATE",
      "timestamp":"2026-11-27T00:00:00Z"})";
  for (int i = 0; i < 3; ++i)
    CHECK(admin(fixture, post("/events", event)).status == 200);
  CHECK(fixture.runs.find("t")->facts.size() == 1);
}

TEST_CASE("events that are none are refused, and none of their request told") {
  gateway_fixture fixture{with_tokens()};
  fixture.runs.with("t", [](auto&) {});
  const std::string token = "Authorization: Bearer let me tell\r\n";
  CHECK(admin(fixture, post("/events", "[]")).status == 401);
  CHECK(admin(fixture, post("/events", "[]", token)).status == 200);
  auto big = R"({"workflow_id":"t","type":"X","message":")"
             + std::string(70'000, 'x') + "\"}";
  for (const std::string& body : std::vector<std::string>{
           "", "7", "[7]", "{", R"([{"workflow_id":7,"type":"X"}])",
           R"({"workflow_id":"t","type":"X","payload":[]})",
           R"({"workflow_id":"t","type":"X","message":"a\u0000b"})", big,
           R"([{"workflow_id":"t","type":"X"},
               {"workflow_id":"t","type":"STREAM_END"}])",
           R"({"workflow_id":"t","type":"WORKFLOW_COMPLETED"})"}) {
    INFO(body.substr(0, 100));
    CHECK(admin(fixture, post("/events", body, token)).status == 400);
  }
  CHECK(fixture.runs.find("t")->facts.empty());
  CHECK(fixture.ask(post("/events", "[]", token)).status == 404);
}

TEST_CASE("requests of events have a bound of their own") {
  auto settings = quick_settings();
  settings.body_bytes_max = 1'024;
  settings.events_body_bytes_max = 8'192;
  gateway_fixture fixture{settings};
  fixture.runs.with("t", [](auto&) {});
  auto event = [](std::size_t size) {
    return R"({"workflow_id":"t","type":"X","message":")"
           + std::string(size, 'x') + "\"}";
  };
  CHECK(admin(fixture, post("/events", event(4'000))).status == 200);
  CHECK(admin(fixture, post("/events", event(9'000))).status == 413);
}

// -- daemons' signals ---------------------------------------------------------

TEST_CASE("a daemon's reply is a signal of the task that waits for it") {
  gateway_fixture fixture;
  make_foreign(fixture, "t");
  const std::string reply
      = R"({"workflow_id":"t","workflow_run_id":"r1","reply":{"text":"42"}})";
  for (int i = 0; i < 2; ++i) {
    auto sent = admin(fixture, post("/daemon/signal", reply));
    CHECK(sent.status == 200);
    CHECK(body_of(sent)
          == json_in::parse(R"({"status":"signaled","workflow_id":"t"})"));
  }
  auto run = fixture.runs.find("t");
  REQUIRE(run->signals.size() == 2);
  CHECK(run->signals[0].name() == "daemon-reply-v1");
  CHECK(json_in::parse(run->signals[0].payload())["text"] == "42");
  CHECK(run->signals[0].signal_id() == run->signals[1].signal_id());
  CHECK(admin(fixture, post("/daemon/signal", "{}")).status == 400);
  CHECK(admin(fixture, post("/daemon/signal", R"({"workflow_id":"no"})")).status
        == 404);
}
