#include "actors/gateway/text/identifiers.hpp"
#include "actors/gateway/text/json_text.hpp"
#include "actors/kit/bytes_text.hpp"
#include "protocols/accounts.hpp"
#include "tests/gateway/gateway_fixture.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <regex>
#include <string>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;
using gateway::json_in;

namespace {

json_in body_of(const raw_response& answer) {
  REQUIRE(!answer.body.empty());
  CHECK(answer.body.back() == '\n');
  return json_in::parse(answer.body);
}

const std::regex task_pattern{
    "task-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"};

} // namespace

TEST_CASE("a task is submitted with its documented answer") {
  gateway_fixture fixture;
  auto answer = fixture.ask(
      post("/api/v1/tasks",
           R"({"query":"why?","session_id":"s-1","mode":"Simple",)"
           R"("model_tier":"small","model_override":"m","max_iterations":7,)"
           R"("max_concurrent_agents":3,"provider_override":"openai",)"
           R"("context":{"role":"analyst","model_tier":"large",)"
           R"("priority":"low"}})",
           "X-User-Id: 00000000-0000-0000-0000-0000000000ad\r\n"));
  REQUIRE(answer.status == 200);
  auto body = body_of(answer);
  auto task = body["task_id"].get<std::string>();
  CHECK(std::regex_match(task, task_pattern));
  CHECK(body["status"] == "STATUS_CODE_OK");
  CHECK(body["message"] == "Task submitted successfully. Session: s-1");
  CHECK(body.contains("created_at"));
  CHECK(body.size() == 4);
  CHECK(answer.fields["x-workflow-id"] == task);
  CHECK(answer.fields["x-session-id"] == "s-1");
  auto input = fixture.runs.find(task)->input;
  CHECK(input.query() == "why?");
  CHECK(input.session() == "s-1");
  CHECK(input.user() == "00000000-0000-0000-0000-0000000000ad");
  CHECK(input.tenant() == accounts::first_tenant);
  CHECK(input.mode() == "simple");
  CHECK(input.tier() == "small");
  CHECK(input.model() == "m");
  CHECK(input.provider() == "openai");
  CHECK(input.iterations_max() == 7);
  CHECK(input.agents_max() == 3);
  CHECK(input.priority() == "batch");
  // A value at the top wins over the same key in the context.
  CHECK(json_in::parse(input.context_json())
        == json_in{{"role", "analyst"},
                   {"priority", "low"},
                   {"model_tier", "small"},
                   {"model_override", "m"},
                   {"provider_override", "openai"}});
}

TEST_CASE("bounds of the context count where none stands beside it") {
  gateway_fixture fixture;
  auto sent = [&](const std::string& more) {
    auto answer = fixture.ask(
        post("/api/v1/tasks", R"({"query":"why?",)" + more + "}"));
    REQUIRE(answer.status == 200);
    return fixture.runs.find(body_of(answer)["task_id"].get<std::string>())
        ->input;
  };
  auto both = sent(R"("max_iterations":7,"context":{"react_max_iterations":9,)"
                   R"("max_concurrent_agents":2})");
  CHECK(both.iterations_max() == 7);
  CHECK(both.agents_max() == 2);
  auto odd = sent(R"("context":{"react_max_iterations":900,)"
                  R"("max_concurrent_agents":"2"})");
  CHECK(odd.iterations_max() == 0);
  CHECK(odd.agents_max() == 0);
}

TEST_CASE("files of a task go with it, and their names to its context") {
  gateway_fixture fixture;
  std::string picture(5 * 1024 * 1024, '\0');
  for (std::size_t i = 0; i < picture.size(); ++i)
    picture[i] = static_cast<char>(i * 7919 >> 8);
  auto data = kit::to_base64(picture);
  // Twice the same, one without padding, one that is elsewhere.
  auto file = [](const std::string& more) {
    return R"({"media_type":"image/png",)" + more + "}";
  };
  auto thumbnail = std::string(50 * 1024 + 1, 't');
  auto answer = fixture.ask(
      post("/api/v1/tasks",
           R"({"context":{"attachments":[)"
               + file(R"("filename":"a.png","thumbnail":")" + thumbnail
                      + R"(","data":")" + data + '"')
               + ',' + file(R"("thumbnail":"small","data":")" + data + '"')
               + ',' + file(R"("data":"aGk")") + ','
               + file(R"("url":"https://example.org/b.png")") + "]}}"));
  REQUIRE(answer.status == 200);
  auto task = body_of(answer)["task_id"].get<std::string>();
  auto run = *fixture.runs.find(task);
  REQUIRE(run.bodies.size() == 2);
  CHECK(run.bodies[0] == picture);
  CHECK(run.bodies[1] == "hi");
  auto key = "shannon:blob:" + gateway::content_hash(picture);
  const auto& kept = run.input.attachments();
  REQUIRE(kept.size() == 4);
  CHECK(kept[0].url() == key);
  CHECK(kept[0].name() == "a.png");
  CHECK(kept[1].url() == key);
  CHECK(kept[3].url() == "https://example.org/b.png");
  CHECK(run.input.query() == "[User sent file attachments]");
  auto shown = json_in::parse(run.input.context_json())["attachments"];
  CHECK(shown[0]
        == json_in{{"id", gateway::content_hash(picture).substr(0, 12)},
                   {"media_type", "image/png"},
                   {"filename", "a.png"},
                   {"size_bytes", picture.size()},
                   {"blob", key}});
  CHECK(shown[1]["thumbnail"] == "small");
  CHECK(shown[3]["url"] == "https://example.org/b.png");
}

TEST_CASE("files of more than 25 MiB are refused") {
  gateway_fixture fixture;
  auto submit = [&](std::size_t bytes) {
    return fixture
        .ask(post("/api/v1/tasks", R"({"query":"q","context":{"attachments":[)"
                                   R"({"media_type":"image/png","data":")"
                                       + kit::to_base64(std::string(bytes, 'x'))
                                       + "\"}]}}"))
        .status;
  };
  CHECK(submit(25 * 1024 * 1024) == 200);
  CHECK(submit(25 * 1024 * 1024 + 1) == 400);
}

TEST_CASE("a task to be streamed is told where") {
  gateway_fixture fixture;
  auto answer
      = fixture.ask(post("/api/v1/tasks/stream", R"({"query":"why?"})"));
  REQUIRE(answer.status == 201);
  auto body = body_of(answer);
  auto task = body["task_id"].get<std::string>();
  auto url = "/api/v1/stream/sse?workflow_id=" + task;
  CHECK(body
        == json_in{
            {"task_id", task}, {"workflow_id", task}, {"stream_url", url}});
  CHECK(answer.fields["link"] == "<" + url + ">; rel=stream");
  CHECK(answer.fields["x-session-id"].size() == 36);
}

TEST_CASE("a repeat with the same key meets the same task") {
  gateway_fixture fixture;
  auto request = post("/api/v1/tasks", R"({"query":"why?"})",
                      "Idempotency-Key: once\r\n");
  auto first = fixture.ask(request);
  auto second = fixture.ask(request);
  CHECK(first.fields["x-workflow-id"] == second.fields["x-workflow-id"]);
  CHECK(first.fields["x-session-id"] == second.fields["x-session-id"]);
  CHECK(first.body == second.body);
  CHECK(first.fields.count("x-idempotency-cached") == 0);
  CHECK(second.fields["x-idempotency-cached"] == "true");
  CHECK(second.fields["x-idempotency-key"] == "once");
  CHECK(fixture.runs.heads().size() == 1);
}

TEST_CASE("another body under the same key is refused and starts nothing") {
  gateway_fixture fixture;
  auto with_key = [&](const std::string& body, const std::string& key) {
    return fixture.ask(
        post("/api/v1/tasks", body, "Idempotency-Key: " + key + "\r\n"));
  };
  REQUIRE(with_key(R"({"query":"why?"})", "once").status == 200);
  auto refused = with_key(R"({"query":"why not?"})", "once");
  CHECK(refused.status == 422);
  CHECK(body_of(refused)["error"].get<std::string>().find("once")
        != std::string::npos);
  CHECK(fixture.runs.heads().size() == 1);
  CHECK(with_key(R"({"query":"why not?"})", "twice").status == 200);
  CHECK(with_key(R"({"query":"?"})", std::string(256, 'k')).status == 400);
}

TEST_CASE("a task is paused once and resumed once, and says so meanwhile") {
  gateway_fixture fixture;
  fixture.runs.with("t", [](fake_runs::run&) {});
  auto state = [&] {
    return body_of(fixture.ask(get("/api/v1/tasks/t/control-state")));
  };
  CHECK(state()
        == json_in{{"is_paused", false},
                   {"is_cancelled", false},
                   {"paused_at", ""},
                   {"pause_reason", ""},
                   {"paused_by", ""},
                   {"cancel_reason", ""},
                   {"cancelled_by", ""}});
  auto paused
      = fixture.ask(post("/api/v1/tasks/t/pause", R"({"reason":"lunch"})"));
  CHECK(paused.status == 202);
  CHECK(body_of(paused)
        == json_in{{"success", true},
                   {"message", "Pause signal sent"},
                   {"task_id", "t"}});
  auto again = fixture.ask(post("/api/v1/tasks/t/pause", ""));
  CHECK(again.status == 409);
  CHECK(body_of(again)["error"] == "task is already paused");
  CHECK(state()["is_paused"] == true);
  CHECK(state()["pause_reason"] == "lunch");
  CHECK(state()["paused_at"] == "2023-11-14T22:13:20Z");
  CHECK(fixture.ask(post("/api/v1/tasks/t/resume", "")).status == 202);
  auto not_paused = fixture.ask(post("/api/v1/tasks/t/resume", ""));
  CHECK(not_paused.status == 409);
  CHECK(body_of(not_paused)["error"] == "task is not paused");
  fixture.runs.with("t", [](fake_runs::run& run) {
    run.head.status = store::log_status::completed;
  });
  auto ended = fixture.ask(post("/api/v1/tasks/t/pause", ""));
  CHECK(ended.status == 409);
  CHECK(body_of(ended)["error"] == "cannot pause completed task");
  CHECK(fixture.ask(post("/api/v1/tasks/none/pause", "")).status == 404);
}

TEST_CASE("a refused start is told as what it is") {
  gateway_fixture fixture;
  auto submit = post("/api/v1/tasks", R"({"query":"why?"})");
  struct line {
    errc code;
    int status;
  };
  for (auto one : {line{errc::overloaded, 503}, line{errc::unavailable, 503},
                   line{errc::timeout, 504}, line{errc::failed, 500},
                   line{errc::invalid_argument, 400}}) {
    fixture.runs.refuse_starts(
        error{one.code, "because", true, std::chrono::seconds{3}});
    auto answer = fixture.ask(submit);
    CHECK(answer.status == one.status);
    CHECK(body_of(answer)["error"] == "because");
    CHECK((answer.status != 503 || answer.fields["retry-after"] == "3"));
  }
}

TEST_CASE("a task that nobody takes ends with 503, one that is late with 504") {
  auto settings = quick_settings();
  settings.ask_timeout = std::chrono::milliseconds{200};
  gateway_fixture fixture{settings};
  fixture.addresses.unbind({"workflow"}, fixture.fakes.workflow->address());
  auto answer = fixture.ask(post("/api/v1/tasks", R"({"query":"why?"})"));
  CHECK(answer.status == 503);
  CHECK(answer.fields.count("retry-after") == 1);
}

TEST_CASE("tasks are listed, counted and filtered") {
  gateway_fixture fixture;
  for (int i = 0; i < 5; ++i)
    fixture.runs.with("task-" + std::to_string(i), [&](fake_runs::run& run) {
      run.head.birth.session = session_id{i < 2 ? "s-a" : "s-b"};
      if (i == 4)
        run.head.status = store::log_status::completed;
    });
  auto list = [&](const std::string& query) {
    return body_of(fixture.ask(get("/api/v1/tasks" + query)));
  };
  CHECK(list("")["total_count"] == 5);
  CHECK(list("")["tasks"].size() == 5);
  CHECK(list("?limit=2&offset=4")["tasks"].size() == 1);
  CHECK(list("?session_id=s-a")["total_count"] == 2);
  CHECK(list("?status=completed")["total_count"] == 1);
  CHECK(list("?status=RUNNING")["total_count"] == 4);
  auto none = fixture.ask(get("/api/v1/tasks?session_id=nobody"));
  CHECK(none.body == "{\"tasks\":[],\"total_count\":0}\n");
}

TEST_CASE("a task's detail, events and timeline are read from the store") {
  gateway_fixture fixture;
  fixture.fakes.publish("task-1", fact_of("WORKFLOW_STARTED", "Starting up"));
  fixture.fakes.publish(
      "task-1", fact_of("TOOL_INVOKED", "looks", "a", R"({"tool":"web"})"));
  fixture.fakes.publish("task-1", fact_of("STREAM_END", "Done"));
  auto detail = fixture.ask(get("/api/v1/tasks/task-1"));
  CHECK(detail.fields["x-workflow-id"] == "task-1");
  CHECK(body_of(detail)["status"] == "TASK_STATUS_RUNNING");
  auto events = body_of(
      fixture.ask(get("/api/v1/tasks/task-1/events?limit=2&offset=1")));
  CHECK(events["count"] == 2);
  CHECK(events["events"][0]["type"] == "TOOL_INVOKED");
  CHECK(events["events"][0]["seq"] == 2);
  CHECK(events["events"][0]["payload"]["tool"] == "web");
  CHECK(events["events"][1]["type"] == "STREAM_END");
  auto timeline
      = body_of(fixture.ask(get("/api/v1/tasks/task-1/timeline?mode=full")));
  CHECK(timeline["stats"]["total"] == 3);
  CHECK(timeline["workflow_id"] == "task-1");
  auto kept = fixture.ask(get("/api/v1/tasks/task-1/timeline?persist=true"));
  CHECK(kept.status == 202);
  CHECK(kept.body
        == "{\"status\":\"accepted\",\"workflow_id\":\"task-1\",\"count\":3}"
           "\n");
}

TEST_CASE("a timeline longer than one page is whole") {
  gateway_fixture fixture;
  for (int i = 0; i < 1'203; ++i)
    fixture.fakes.publish("task-1", fact_of("PROGRESS", std::to_string(i)));
  auto timeline = body_of(fixture.ask(get("/api/v1/tasks/task-1/timeline")));
  CHECK(timeline["stats"]["total"] == 1'203);
  CHECK(timeline["events"][1'202]["message"] == "1202");
}

TEST_CASE("what belongs to others does not exist") {
  gateway_fixture fixture;
  fixture.runs.with("task-1", [](fake_runs::run& run) {
    run.head.birth.tenant = tenant_id{"other"};
  });
  fixture.runs.with("agent-log",
                    [](fake_runs::run& run) { run.head.birth.kind = "agent"; });
  fixture.fakes.publish("task-1", fact_of("AGENT_STARTED", "go"));
  for (const auto* task : {"task-1", "agent-log", "unknown"}) {
    INFO(task);
    auto path = "/api/v1/tasks/" + std::string{task};
    for (const auto* part : {"", "/timeline"})
      CHECK(fixture.ask(get(path + part)).status == 404);
    // The contract's answer for what is not there.
    auto events = fixture.ask(get(path + "/events"));
    CHECK(events.status == 200);
    CHECK(events.body == "{\"events\":[],\"count\":0}\n");
  }
}

TEST_CASE("another user of the tenant may look at a task, but not steer it") {
  gateway_fixture fixture;
  for (const auto* task : {"theirs", "nobodys"})
    fixture.runs.with(task, [&](fake_runs::run& run) {
      run.head.birth.user = user_id{task[0] == 't' ? "ann" : ""};
    });
  CHECK(fixture.ask(get("/api/v1/tasks/theirs")).status == 200);
  auto decide = [&](const std::string& task) {
    return fixture.ask(
        post("/api/v1/approvals/decision",
             R"({"approval_id":"a","workflow_id":")" + task + "\"}"));
  };
  for (const auto* deed : {"pause", "resume", "cancel"}) {
    INFO(deed);
    auto tried = [&](const std::string& task) {
      return fixture.ask(post("/api/v1/tasks/" + task + "/" + deed, "{}"));
    };
    auto refused = tried("theirs");
    CHECK(refused.status == 404);
    CHECK(refused.body == tried("absent").body);
    CHECK(tried("nobodys").status == 202);
  }
  CHECK(fixture.ask(get("/api/v1/tasks/theirs/control-state")).status == 404);
  CHECK(decide("theirs").status == 404);
  auto untouched = fixture.runs.find("theirs");
  CHECK(untouched->live);
  CHECK(untouched->signals.empty());
}

TEST_CASE("a task is cancelled once") {
  gateway_fixture fixture;
  fixture.runs.with("task-1", [](auto&) {});
  auto cancel = [&](const std::string& body) {
    return fixture.ask(post("/api/v1/tasks/task-1/cancel", body));
  };
  auto first = cancel(R"({"reason":"enough"})");
  CHECK(first.status == 202);
  CHECK(first.body
        == "{\"success\":true,\"message\":\"Task cancelled "
           "successfully\"}\n");
  auto again = cancel("");
  CHECK(again.status == 202);
  CHECK(body_of(again)["success"] == false);
  CHECK(body_of(fixture.ask(get("/api/v1/tasks/task-1")))["status"]
        == "TASK_STATUS_CANCELLED");
}

TEST_CASE("a command to a run that is moving is asked again until its new node "
          "has it") {
  std::atomic<int> asked{0};
  gateway_fixture fixture;
  fixture.runs.with("task-1", [](auto&) {});
  fixture.stand_in("workflow/task-1",
                   [&](const envelope& mail) -> result<message_body> {
                     if (!mail.body.get_if<remote::CancelTask>())
                       return message_body{};
                     if (++asked < 3)
                       return fail(errc::unavailable, "moving", true);
                     remote::CancelAck done;
                     done.set_success(true);
                     return message_body{done};
                   });
  auto got = fixture.ask(post("/api/v1/tasks/task-1/cancel", "{}"));
  CHECK(got.status == 202);
  CHECK(asked == 3);
}

TEST_CASE("a command to a run that stays away is answered 503 after "
          "http.move_patience") {
  auto settings = quick_settings();
  settings.move_patience = 250ms;
  std::atomic<int> asked{0};
  gateway_fixture fixture{settings};
  fixture.runs.with("task-1", [](auto&) {});
  fixture.stand_in("workflow/task-1",
                   [&](const envelope&) -> result<message_body> {
                     ++asked;
                     return fail(errc::unavailable, "moving", true);
                   });
  auto since = std::chrono::steady_clock::now();
  auto got = fixture.ask(post("/api/v1/tasks/task-1/cancel", "{}"));
  CHECK(got.status == 503);
  CHECK(got.fields["retry-after"] == "1");
  CHECK(asked >= 2);
  CHECK(std::chrono::steady_clock::now() - since < 2s);
}

TEST_CASE("a task that ends while it is cancelled is told so") {
  gateway_fixture fixture;
  fixture.runs.with("task-1", [](fake_runs::run& run) { run.live = false; });
  auto answer = fixture.ask(post("/api/v1/tasks/task-1/cancel", "{}"));
  CHECK(answer.status == 202);
  CHECK(body_of(answer)["success"] == false);
}

TEST_CASE("a task's stream is elsewhere") {
  gateway_fixture fixture;
  auto answer = fixture.ask(get(
      "/api/v1/tasks/task-1/stream?types=A,B&last_event_id=3&api_key=secret"));
  CHECK(answer.status == 307);
  CHECK(answer.fields["location"]
        == "/api/v1/stream/sse?workflow_id=task-1&types=A%2CB&last_event_id=3");
}

TEST_CASE("the router answers as Go's does") {
  gateway_fixture fixture;
  auto unknown = fixture.ask(get("/nothing"));
  CHECK(unknown.status == 404);
  CHECK(unknown.body == "404 page not found\n");
  CHECK(unknown.fields["content-type"] == "text/plain; charset=utf-8");
  CHECK(unknown.fields["x-content-type-options"] == "nosniff");
  auto wrong = fixture.ask("DELETE /api/v1/tasks HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(wrong.status == 405);
  CHECK(wrong.body == "Method Not Allowed\n");
  CHECK(wrong.fields["allow"] == "GET, HEAD, POST");
  auto moved = fixture.ask(get("/api//v1/./tasks?limit=3"));
  CHECK(moved.status == 301);
  CHECK(moved.fields["location"] == "/api/v1/tasks?limit=3");
  auto preflight
      = fixture.ask("OPTIONS /any/where HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(preflight.status == 200);
  CHECK(preflight.body.empty());
  CHECK(preflight.fields["access-control-allow-methods"]
        == "GET, POST, PUT, PATCH, DELETE, OPTIONS");
  CHECK(preflight.fields["access-control-max-age"] == "3600");
}

TEST_CASE("HEAD says what GET would, without the body") {
  gateway_fixture fixture;
  auto client = fixture.client();
  client.send("HEAD /health HTTP/1.1\r\nHost: a\r\n\r\n");
  auto head = client.response(false);
  REQUIRE(head);
  CHECK(head->status == 200);
  CHECK(std::stoi(head->fields["content-length"]) > 20);
  client.send(get("/nothing"));
  CHECK(client.response()->body == "404 page not found\n");
}

TEST_CASE("answers can be traced") {
  gateway_fixture fixture;
  auto trace = [&](const std::string& fields) {
    return fixture.ask(get("/api/v1/tasks", fields)).fields;
  };
  CHECK(trace("traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f0-01\r\n"
              "X-Trace-ID: other\r\n")["x-trace-id"]
        == "4bf92f3577b34da6a3ce929d0e0e4736");
  CHECK(trace("X-Trace-ID: t-1\r\n")["x-trace-id"] == "t-1");
  CHECK(trace("X-Request-ID: r-1\r\n")["x-trace-id"] == "r-1");
  CHECK(trace("X-Trace-ID: a b\r\n")["x-trace-id"].size() == 32);
  CHECK(trace("")["x-span-id"].size() == 14);
  CHECK(fixture.ask(get("/health")).fields.count("x-trace-id") == 0);
}

TEST_CASE("a server says whether a GATEWAY serves") {
  kit::io_loop loop{"ingress"};
  auto server = gateway::http_server::listen(loop, quick_settings());
  REQUIRE(server);
  CHECK_FALSE((*server)->is_served());
  auto one = (*server)->serve({});
  CHECK(eventually([&] { return (*server)->is_served(); }));
  // Whoever was followed by another ends nothing.
  auto other = (*server)->serve({});
  (*server)->retire(one);
  (*server)->retire(other + 1);
  auto client = raw_client{(*server)->port()};
  client.send("nothing");
  client.response(); // The loop has done what it was told before.
  CHECK((*server)->is_served());
  (*server)->retire(other);
  CHECK(eventually([&] { return !(*server)->is_served(); }));
  (*server)->stop();
}

TEST_CASE("both doors tell health and metrics, the admin's alone the tree") {
  gateway_fixture fixture;
  for (const auto* path : {"/health", "/health/live", "/metrics"}) {
    CHECK(fixture.ask(get(path)).status == 200);
    auto admin = fixture.admin_client();
    admin.send(get(path));
    CHECK(admin.response()->status == 200);
  }
  auto text = fixture.ask(get("/metrics")).body;
  CHECK(text.find("shannon_gateway_requests_total{route=\"/health\","
                  "status=\"200\"}")
        != std::string::npos);
  // Nobody inspects here, and that is what is said.
  auto ready = fixture.ask(get("/health/ready"));
  CHECK(ready.status == 503);
  CHECK(body_of(ready)["status"] == "not ready");
  CHECK(body_of(ready)["checks"].contains("inspector"));
  auto detailed = fixture.admin_client();
  detailed.send(get("/health/detailed"));
  auto details = detailed.response();
  REQUIRE(details);
  CHECK(details->status == 200);
  CHECK(body_of(*details)["status"] == "unhealthy");
  CHECK(body_of(*details)["ready"] == false);
  CHECK(body_of(*details)["checks"]["inspector"]["status"] == "unhealthy");
  CHECK(fixture.ask(get("/health/detailed")).status == 404);
  auto admin = fixture.admin_client();
  admin.send(get("/debug/tree"));
  CHECK(admin.response()->status == 503);
  CHECK(fixture.ask(get("/debug/tree")).status == 404);
  CHECK(fixture.ask(get("/debug/actors")).status == 404);
}

TEST_CASE("while GATEWAY is away requests get 503, and then go on") {
  gateway_fixture fixture;
  auto client = fixture.client();
  client.send(get("/health"));
  CHECK(client.response()->status == 200);
  fixture.end_gateway();
  // The server hears of it a moment after the actor has gone.
  raw_response away;
  CHECK(eventually([&] {
    client.send(get("/health"));
    away = client.response().value_or(raw_response{});
    return away.status == 503;
  }));
  CHECK(away.fields["retry-after"] == "1");
  fixture.start_gateway();
  client.send(get("/health"));
  CHECK(client.response()->status == 200);
}
