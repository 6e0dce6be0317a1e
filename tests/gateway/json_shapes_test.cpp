#include "actors/gateway/http/response_head.hpp"
#include "actors/gateway/resources/health_json.hpp"
#include "actors/gateway/resources/run_events.hpp"
#include "actors/gateway/resources/task_json.hpp"
#include "actors/gateway/streams/sse_frames.hpp"
#include "actors/gateway/text/answers.hpp"
#include "actors/gateway/text/identifiers.hpp"
#include "actors/gateway/text/json_text.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace shannon;
using namespace shannon::gateway;
using std::chrono::microseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::system_clock;

namespace {

system_clock::time_point at(std::int64_t us) {
  return system_clock::time_point{microseconds{us}};
}

store::log_head completed_head() {
  facts::Summary summary;
  summary.set_query("Is 2 < 3 & 3 > 2?");
  summary.set_mode("standard");
  summary.set_strategy("task");
  summary.set_result("Yes.");
  summary.set_context_json(R"({"role":"analyst","depth":{"b":1,"a":2}})");
  summary.set_started_at_us(1'700'000'000'000'000);
  summary.set_ended_at_us(1'700'000'002'500'000);
  summary.set_agents(2);
  auto* usage = summary.mutable_usage();
  usage->set_input_tokens(100);
  usage->set_output_tokens(20);
  usage->set_cost_nanousd(1'250'000);
  usage->set_model("gpt-x");
  usage->set_provider("openai");
  auto* small = summary.add_models();
  small->set_model("gpt-s");
  small->set_provider("openai");
  small->set_executions(3);
  small->set_tokens(20);
  small->set_cost_nanousd(250'000);
  auto* large = summary.add_models();
  large->set_model("gpt-x");
  large->set_provider("openai");
  large->set_executions(1);
  large->set_tokens(100);
  large->set_cost_nanousd(1'000'000);
  store::log_head head;
  head.log = log_id{"task-1"};
  head.birth.kind = "workflow";
  head.birth.session = session_id{"s-1"};
  head.status = store::log_status::completed;
  head.summary = summary.SerializeAsString();
  head.created_at = at(1'700'000'000'000'000);
  head.updated_at = at(1'700'000'002'500'100);
  return head;
}

run_event event(log_version version, const std::string& type,
                const std::string& message, const std::string& payload = {}) {
  run_event what;
  what.version = version;
  what.at = at(1'700'000'000'123'400);
  what.event.set_type(type);
  what.event.set_agent_id("agent-1");
  what.event.set_message(message);
  what.event.set_payload_json(payload);
  return what;
}

} // namespace

TEST_CASE("a finished task in full") {
  CHECK(go_text(task_detail(completed_head()))
        == R"({"task_id":"task-1","workflow_id":"task-1",)"
           R"("status":"TASK_STATUS_COMPLETED","result":"Yes.",)"
           R"("created_at":"2023-11-14T22:13:20Z",)"
           R"("updated_at":"2023-11-14T22:13:22.5001Z",)"
           R"("query":"Is 2 \u003c 3 \u0026 3 \u003e 2?","session_id":"s-1",)"
           R"("mode":"standard","context":{"role":"analyst",)"
           R"("depth":{"b":1,"a":2}},"model_used":"gpt-x",)"
           R"("provider":"openai","usage":{"total_tokens":120,)"
           R"("input_tokens":100,"output_tokens":20,"estimated_cost":0.00125},)"
           R"("metadata":{"model_breakdown":[{"model":"gpt-x",)"
           R"("provider":"openai","executions":1,"tokens":100,)"
           R"("cost_usd":0.001,"percentage":80},{"model":"gpt-s",)"
           R"("provider":"openai","executions":3,"tokens":20,)"
           R"("cost_usd":0.00025,"percentage":20}],"model":"gpt-x",)"
           R"("model_used":"gpt-x","mode":"standard","provider":"openai",)"
           R"("strategy":"task","task_context":{"role":"analyst",)"
           R"("depth":{"b":1,"a":2}}},"unified_response":{"task_id":"task-1",)"
           R"("session_id":"s-1","status":"completed","result":"Yes.",)"
           R"("metadata":{"models":["gpt-s","gpt-x"],)"
           R"("execution_mode":"standard","complexity_score":0,)"
           R"("service_tier":"default","agents_used":2},)"
           R"("usage":{"input_tokens":100,"output_tokens":20,)"
           R"("total_tokens":120,"cost_usd":0.00125},)"
           R"("performance":{"execution_time_ms":2500},)"
           R"("stop_reason":"completed","error":null,)"
           R"("timestamp":"2023-11-14T22:13:22.5Z"}})");
}

TEST_CASE("a finished task in a list") {
  CHECK(go_text(task_summary(completed_head()))
        == R"({"task_id":"task-1",)"
           R"("query":"Is 2 \u003c 3 \u0026 3 \u003e 2?",)"
           R"("status":"TASK_STATUS_COMPLETED",)"
           R"("mode":"EXECUTION_MODE_STANDARD",)"
           R"("created_at":"2023-11-14T22:13:20Z",)"
           R"("completed_at":"2023-11-14T22:13:22.5Z",)"
           R"("total_token_usage":{"total_tokens":120,"cost_usd":0.00125,)"
           R"("prompt_tokens":100,"completion_tokens":20}})");
}

TEST_CASE("a long query is whole where one task is told, cut in lists") {
  auto head = completed_head();
  facts::Summary summary;
  summary.ParseFromString(head.summary);
  summary.set_query("x" + std::string(1'999, 'y') + "\u00e9" + "z");
  head.summary = summary.SerializeAsString();
  CHECK(task_detail(head)["query"] == summary.query());
  CHECK(task_summary(head)["query"] == summary.query().substr(0, 2'000));
  summary.set_query("x" + std::string(1'998, 'y') + "\u00e9");
  head.summary = summary.SerializeAsString();
  // No character is torn.
  CHECK(task_summary(head)["query"] == summary.query().substr(0, 1'999));
}

TEST_CASE("a task that has only begun says no more than it knows") {
  store::log_head head;
  head.log = log_id{"task-2"};
  head.status = store::log_status::running;
  head.created_at = head.updated_at = at(1'700'000'000'000'000);
  CHECK(go_text(task_detail(head))
        == R"({"task_id":"task-2","workflow_id":"task-2",)"
           R"("status":"TASK_STATUS_RUNNING",)"
           R"("created_at":"2023-11-14T22:13:20Z",)"
           R"("updated_at":"2023-11-14T22:13:20Z","usage":{}})");
  CHECK(go_text(task_summary(head))
        == R"({"task_id":"task-2","query":"",)"
           R"("status":"TASK_STATUS_RUNNING",)"
           R"("created_at":"2023-11-14T22:13:20Z"})");
}

TEST_CASE("a parked task runs, and says that it needs an operator") {
  auto head = completed_head();
  head.status = store::log_status::needs_operator;
  auto detail = task_detail(head);
  CHECK(detail["status"] == "TASK_STATUS_RUNNING");
  CHECK(detail["metadata"]["needs_operator"] == true);
  CHECK(!detail.contains("error"));
  CHECK(!detail.contains("unified_response"));
}

TEST_CASE("an answer that is a JSON object is given as one, too") {
  auto head = completed_head();
  auto with_result = [&](const std::string& text) {
    facts::Summary summary;
    summary.set_result(text);
    head.summary = summary.SerializeAsString();
    return task_detail(head);
  };
  CHECK(with_result(R"({"n":1})")["response"]["n"] == 1);
  CHECK(!with_result("[1]").contains("response"));
  CHECK(!with_result("{broken").contains("response"));
}

TEST_CASE("every status has its name") {
  using store::log_status;
  CHECK(task_status(log_status::queued) == "TASK_STATUS_QUEUED");
  CHECK(task_status(log_status::paused) == "TASK_STATUS_PAUSED");
  CHECK(task_status(log_status::failed) == "TASK_STATUS_FAILED");
  CHECK(task_status(log_status::cancelled) == "TASK_STATUS_CANCELLED");
  CHECK(task_status(log_status::timed_out) == "TASK_STATUS_TIMEOUT");
}

TEST_CASE("an event in full") {
  CHECK(go_text(event_json("task-1", event(7, "TOOL_INVOKED", "Looks it up",
                                           R"({"tool":"web","n":[1]})")))
        == R"({"workflow_id":"task-1","type":"TOOL_INVOKED",)"
           R"("agent_id":"agent-1","message":"Looks it up",)"
           R"("payload":{"tool":"web","n":[1]},)"
           R"("timestamp":"2023-11-14T22:13:20.1234Z","seq":7,)"
           R"("stream_id":"7"})");
}

TEST_CASE("frames carry the client's names") {
  auto frame = [](const run_event& what) { return event_frame("t", what); };
  CHECK(frame(event(1, "PROGRESS", "x"))
        == "id: 1\nevent: PROGRESS\n"
           "data: {\"workflow_id\":\"t\",\"type\":\"PROGRESS\","
           "\"agent_id\":\"agent-1\",\"message\":\"x\","
           "\"timestamp\":\"2023-11-14T22:13:20.1234Z\",\"seq\":1,"
           "\"stream_id\":\"1\"}\n\n");
  CHECK(frame(event(2, "LLM_OUTPUT", "a\nb", R"({"tokens_used":3})"))
        == "id: 2\nevent: thread.message.completed\n"
           "data: {\"agent_id\":\"agent-1\",\"metadata\":{\"tokens_used\":3},"
           "\"response\":\"a\\nb\",\"seq\":2,\"stream_id\":\"2\","
           "\"workflow_id\":\"t\"}\n\n");
  CHECK(frame(event(3, "STREAM_END", "Done"))
        == "id: 3\nevent: done\ndata: [DONE]\n\n");
  CHECK(frame(event(4, "WORKFLOW_PAUSED", "p", R"({"checkpoint":"c1"})"))
        == "id: 4\nevent: workflow.paused\n"
           "data: {\"agent_id\":\"agent-1\",\"checkpoint\":\"c1\","
           "\"message\":\"p\",\"workflow_id\":\"t\"}\n\n");
  CHECK(frame(event(5, "WORKFLOW_CANCELLED", "c"))
        == "id: 5\nevent: workflow.cancelled\n"
           "data: {\"agent_id\":\"agent-1\",\"checkpoint\":\"\","
           "\"message\":\"c\",\"was_paused\":false,"
           "\"workflow_id\":\"t\"}\n\n");
  CHECK(frame(event(6, "WORKFLOW_RESUMED", "r"))
        == "id: 6\nevent: workflow.resumed\n"
           "data: {\"agent_id\":\"agent-1\",\"message\":\"r\","
           "\"workflow_id\":\"t\"}\n\n");
  CHECK(frame(event(7, "ERROR_OCCURRED", "e")).substr(0, 19)
        == "id: 7\nevent: error\n");
  CHECK(frame(event(8, "", "no type")).substr(0, 21)
        == "id: 8\nevent: \ndata: {");
}

TEST_CASE("frames beside the events") {
  CHECK(connected_frame("t") == ": connected to workflow t\n\n");
  CHECK(not_found_frame("t")
        == "event: ERROR_OCCURRED\ndata: {\"workflow_id\":\"t\","
           "\"type\":\"ERROR_OCCURRED\",\"message\":\"Workflow not "
           "found\"}\n\n");
  remote::LlmDelta delta;
  delta.set_agent("a");
  delta.set_text("wor<d");
  CHECK(delta_frame("t", delta, 4)
        == "event: thread.message.delta\ndata: {\"agent_id\":\"a\","
           "\"delta\":\"wor\\u003cd\",\"seq\":4,\"stream_id\":\"4\","
           "\"workflow_id\":\"t\"}\n\n");
}

TEST_CASE("a timeline shows what the engine did") {
  std::vector<store::recorded_fact> facts;
  auto add = [&](auto fill) {
    facts::Fact fact;
    fact.mutable_event()->set_type("X");
    fact.mutable_event()->set_payload_json(R"({"p":1})");
    fill(fact);
    facts.push_back({static_cast<log_version>(facts.size() + 1),
                     at(1'700'000'000'000'000), fact.SerializeAsString()});
  };
  add([](auto& f) { f.mutable_run_started(); });
  add([](auto& f) { f.mutable_step_completed()->set_effect("llm"); });
  add([](auto& f) { f.mutable_noted(); });
  add([](auto& f) { f.mutable_attempt_failed(); });
  add([](auto& f) { f.mutable_timer_set(); });
  add([](auto& f) { f.mutable_timer_fired(); });
  add([](auto& f) { f.mutable_signal_received(); });
  add([](auto& f) {
    f.mutable_child_progressed();
    f.mutable_event()->set_type("AGENT_STARTED");
  });
  add([](auto& f) { f.mutable_step_failed(); });
  add([](auto& f) { f.mutable_run_completed(); });
  auto types = [&](timeline_mode mode) {
    std::string all;
    auto timeline = timeline_json("t", facts, mode, false);
    for (const auto& line : timeline["events"])
      all += line["type"].template get<std::string>() + " ";
    return all;
  };
  CHECK(types(timeline_mode::full)
        == "WF_STARTED ACT_COMPLETED MARKER_RECORDED ACT_FAILED TIMER_STARTED "
           "TIMER_FIRED SIG_RECEIVED CHILD_STARTED ACT_FAILED WF_COMPLETED ");
  CHECK(types(timeline_mode::summary)
        == "WF_STARTED ACT_COMPLETED TIMER_FIRED SIG_RECEIVED CHILD_STARTED "
           "ACT_FAILED WF_COMPLETED ");
  auto full = timeline_json("t", facts, timeline_mode::full, true);
  CHECK(full["stats"] == json_out{{"total", 10}, {"mode", "full"}});
  CHECK(full["workflow_id"] == "t");
  CHECK(full["events"][0]["payload"]["p"] == 1);
  auto again = timeline_json("t", facts, timeline_mode::summary, false);
  CHECK(again["events"][0]["id"] == full["events"][0]["id"]);
  CHECK(again["events"][0]["id"] != again["events"][1]["id"]);
  CHECK(!again["events"][0].contains("payload"));
}

TEST_CASE("text is escaped as Go escapes it") {
  CHECK(go_text(json_out{{"k", "<a>&\u2028\u2029\u00e9\"\\\n"}})
        == "{\"k\":\"\\u003ca\\u003e\\u0026\\u2028\\u2029\u00e9\\\"\\\\\\n\"}");
  CHECK(go_text(json_out{"\xff"}) == "[\"\uFFFD\"]");
  CHECK(go_number(0).dump() == "0");
  CHECK(go_number(2.5).dump() == "2.5");
}

TEST_CASE("times are written as Go writes them") {
  auto with = [](std::int64_t nanos) {
    return timestamp(system_clock::time_point{seconds{1'700'000'000}}
                     + nanoseconds{nanos});
  };
  CHECK(with(0) == "2023-11-14T22:13:20Z");
  CHECK(with(120'000'000) == "2023-11-14T22:13:20.12Z");
  CHECK(with(1) == "2023-11-14T22:13:20.000000001Z");
  CHECK(timestamp(system_clock::time_point{microseconds{-1}})
        == "1969-12-31T23:59:59.999999Z");
}

TEST_CASE("one JSON value is read, and only so deep") {
  CHECK(parse_json(R"({"a":1} trailing garbage)", 64)->at("a") == 1);
  CHECK(parse_json(R"({"a":1,"a":2})", 64)->at("a") == 2);
  CHECK(parse_json("[[[1]]]", 3));
  CHECK(!parse_json("[[[[1]]]]", 3));
  CHECK(parse_json(R"(["[[[[[[", "\"[[[["])", 1));
  CHECK(!parse_json("", 64));
  CHECK(!parse_json("  \n", 64));
  CHECK(!parse_json("{", 64));
  CHECK(!parse_json("}", 64));
  CHECK(!parse_json("{\"a\":1e999}", 64));
  CHECK(!parse_json("{\"a\":\"\xc3\"}", 64));
  CHECK(!parse_json("{\"a\":\"\\ud800\"}", 64));
  CHECK(!parse_json(std::string(1'000'000, '['), 64));
}

TEST_CASE("UTF-8 is checked by the letter") {
  CHECK(find_invalid_utf8("a\u00e9\u20ac\U0001f600") == std::string::npos);
  for (const auto* bad :
       {"\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80",
        "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xc3", "\xe2\x82"})
    CHECK(find_invalid_utf8(std::string{"ok"} + bad) == 2);
}

TEST_CASE("each error has its status, and says when to come back") {
  CHECK(status_of(errc::invalid_argument) == 400);
  CHECK(status_of(errc::not_found) == 404);
  CHECK(status_of(errc::timeout) == 504);
  CHECK(status_of(errc::failed) == 500);
  auto answer = error_answer(
      error{errc::overloaded, "full", true, std::chrono::milliseconds{1'500}});
  CHECK(answer.status == 503);
  CHECK(answer.body == "{\"error\":\"full\"}\n");
  CHECK(answer.fields.back()
        == std::pair<std::string, std::string>{"Retry-After", "2"});
}

TEST_CASE("readiness names the part that is not ready") {
  inspector::health_report report;
  report.ready = false;
  report.checks = {{"tree", true, ""}, {"store", false, "no answer"}};
  auto answer = ready_answer(report, at(1'700'000'000'000'000));
  CHECK(answer.status == 503);
  CHECK(answer.body
        == R"({"status":"not ready","version":"0.1.0",)"
           R"("time":"2023-11-14T22:13:20Z","checks":{)"
           R"("orchestrator":"failed","tree":"ok",)"
           R"("store":"failed: no answer"}})"
           "\n");
  report.ready = true;
  CHECK(ready_answer(report, at(0)).status == 200);
  CHECK(ready_answer(fail(errc::timeout, "silence"), at(0)).status == 503);
  CHECK(health_answer(at(1'700'000'000'000'000)).body
        == R"({"status":"healthy","version":"0.1.0",)"
           R"("time":"2023-11-14T22:13:20Z","checks":{"gateway":"ok"}})"
           "\n");
}

TEST_CASE("a repeated key gives the same task, whatever its body") {
  auto ids = [](const std::string& key, const std::string& body,
                const std::string& user = "u") {
    http_request request;
    request.fields = {{"idempotency-key", key}};
    request.body = body;
    identity who;
    who.user = user_id{user};
    return named_ids(request, who);
  };
  CHECK(ids("k", "b").task == ids("k", "b").task);
  CHECK(ids("k", "b").session == ids("k", "b").session);
  CHECK(ids("k", "b").task == ids("k", "c").task);
  CHECK(ids("k", "b").task != ids("l", "b").task);
  CHECK(ids("k", "b").task != ids("k", "b", "v").task);
  CHECK(ids("k", "b").task.size() == 41);
  CHECK(is_identifier(ids("k", "").task));
}

TEST_CASE("a response's head ends where it should") {
  http_response response{200, {{"X-Session-ID", "a\r\nSet-Cookie: b"}}, "x"};
  auto head = response_head(response, {1, true, true}, "/", "*", "now");
  CHECK(head.find("\r\nX-Session-ID: a  Set-Cookie: b\r\n")
        != std::string::npos);
  CHECK(head.find("Server:") == std::string::npos);
  CHECK(head.find("Access-Control-Allow-Methods: GET, POST, PUT, PATCH, "
                  "DELETE, OPTIONS\r\n")
        != std::string::npos);
  auto stream = response_head(response, {std::nullopt, true, false},
                              "/api/v1/stream/sse", "https://a.example", "now");
  CHECK(stream.find("Access-Control-Allow-Methods: GET, OPTIONS\r\n")
        != std::string::npos);
  CHECK(stream.find("Access-Control-Allow-Origin: https://a.example\r\n")
        != std::string::npos);
  CHECK(stream.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  CHECK(http_date(1'700'000'000) == "Tue, 14 Nov 2023 22:13:20 GMT");
}
