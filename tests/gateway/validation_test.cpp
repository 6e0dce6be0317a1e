#include "tests/gateway/shared_fixture.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace shannon;
using namespace shannon::test;

namespace {

gateway_fixture& filled_fixture() {
  static bool filled = false;
  if (!std::exchange(filled, true))
    shared_fixture().runs.with("task-1", [](auto&) {});
  return shared_fixture();
}

/// A request, and what its refusal must name.
struct bad_request {
  std::string bytes;
  int status;
  std::string named;
};

std::string submit(const std::string& body, const std::string& fields = {}) {
  return post("/api/v1/tasks", body, fields);
}

std::string with(const std::string& field) {
  return submit("{\"query\":\"x\"," + field + "}");
}

std::string in_context(const std::string& field) {
  return with("\"context\":{" + field + "}");
}

std::string deep(int levels) {
  return with("\"context\":{\"a\":" + std::string(levels, '[')
              + std::string(levels, ']') + "}");
}

std::string events(const std::string& query) {
  return get("/api/v1/tasks/task-1/events?" + query);
}

std::string timeline(const std::string& query) {
  return get("/api/v1/tasks/task-1/timeline?" + query);
}

std::string sse(const std::string& query) {
  return get("/api/v1/stream/sse?" + query);
}

const std::string long_id(129, 'a');

// clang-format off
const std::vector<bad_request> table{
    // The body as a whole.
    {submit(""), 400, "Invalid request body"},
    {submit("   "), 400, "Invalid request body"},
    {submit("not json"), 400, "not valid JSON at byte 2"},
    {submit("{"), 400, "Invalid request body"},
    {submit("{\"query\":\"x\""), 400, "Invalid request body"},
    {submit("{'query':'x'}"), 400, "Invalid request body"},
    {submit("{\"query\":\"x\",}"), 400, "Invalid request body"},
    {submit("[]"), 400, "JSON object"},
    {submit("null"), 400, "JSON object"},
    {submit("\"query\""), 400, "JSON object"},
    {submit("42"), 400, "JSON object"},
    {submit("true"), 400, "JSON object"},
    {submit("\xef\xbb\xbf{\"query\":\"x\"}"), 400, "not valid JSON"},
    {submit("{\"query\":\"\xff\"}"), 400, "UTF-8"},
    {submit("{\"query\":\"\xc3\x28\"}"), 400, "UTF-8"},
    {submit("{\"query\":\"\xed\xa0\x80\"}"), 400, "UTF-8"},
    {submit("{\"query\":\"\\ud800\"}"), 400, "JSON"},
    {submit("{\"query\":\"a\x01\"}"), 400, "JSON"},
    {submit(std::string{"{\"query\":\"a\0b\"}", 15}), 400, "JSON"},
    {deep(64), 400, "deeper than 64"},
    {submit(std::string(100'000, '[')), 400, "deeper than 64"},
    {submit(std::string(100'000, '{')), 400, "deeper than 64"},
    // Content types and codings.
    {submit("<a/>", "Content-Type: text/xml\r\n"), 415, "Content-Type"},
    {submit("{}", "Content-Type: application/xml; charset=utf-8\r\n"), 415, "Content-Type"},
    {submit("{}", "Content-Type: application/soap+xml\r\n"), 415, "Content-Type"},
    {submit("{}", "Content-Type: multipart/form-data; boundary=x\r\n"), 415, "Content-Type"},
    {submit("{}", "Content-Type: IMAGE/png\r\n"), 415, "Content-Type"},
    {submit("{}", "Content-Encoding: gzip\r\n"), 415, "Content-Encoding"},
    // query
    {submit("{}"), 400, "Query is required"},
    {submit("{\"query\":\"\"}"), 400, "Query is required"},
    {submit("{\"query\":\"  \\n\"}"), 400, "Query is required"},
    {submit("{\"query\":null}"), 400, "Query is required"},
    {submit("{\"query\":5}"), 400, "query must be a string"},
    {submit("{\"query\":true}"), 400, "query must be a string"},
    {submit("{\"query\":[\"x\"]}"), 400, "query must be a string"},
    {submit("{\"query\":{\"a\":1}}"), 400, "query must be a string"},
    {submit("{\"QUERY\":1.5}"), 400, "query must be a string"},
    {submit("{\"query\":\"a\\u0000b\"}"), 400, "query contains a NUL"},
    {submit("{\"query\":\"" + std::string(1'600'000, 'x') + "\"}"), 400, "too large"},
    // session_id
    {with("\"session_id\":7"), 400, "session_id must be a string"},
    {with("\"session_id\":[]"), 400, "session_id must be a string"},
    {with("\"session_id\":\"a\\u0000\""), 400, "session_id"},
    {with("\"session_id\":\"a\\r\\nX: y\""), 400, "session_id"},
    {with("\"session_id\":\"" + std::string(257, 's') + "\""), 400, "session_id"},
    // context
    {with("\"context\":\"text\""), 400, "context must be an object"},
    {with("\"context\":[1]"), 400, "context must be an object"},
    {with("\"context\":5"), 400, "context must be an object"},
    {in_context("\"a\":{\"b\":\"\\u0000\"}"), 400, "context.a.b"},
    {in_context("\"a\":[1,{\"b\":[\"\\u0000\"]}]"), 400, "context.a[1].b[0]"},
    {in_context("\"a\\u0000\":1"), 400, "context"},
    {in_context("\"model_tier\":5"), 400, "context.model_tier"},
    {in_context("\"model_tier\":\"huge\""), 400, "model_tier"},
    {in_context("\"provider_override\":\"acme\""), 400, "provider_override"},
    {in_context("\"research_strategy\":\"none\""), 400, "research_strategy"},
    {in_context("\"model_override\":{}"), 400, "context.model_override"},
    {in_context("\"big\":\"" + std::string(1'600'000, 'x') + "\""), 400, "too large"},
    {in_context("\"budget_max\":-1"), 400, "context.budget_max: expected a number"},
    {in_context("\"budget_max\":\"much\""), 400, "found \\\"much\\\""},
    {in_context("\"budget_max\":\"inf\""), 400, "context.budget_max"},
    {in_context("\"budget_max\":true"), 400, "context.budget_max"},
    {in_context("\"token_budget_per_agent\":[5]"), 400, "context.token_budget_per_agent"},
    // attachments
    {in_context("\"attachments\":{}"), 400, "attachments must be an array"},
    {in_context("\"attachments\":[5]"), 400, "attachments[0] must be an object"},
    {in_context("\"attachments\":[{\"data\":\"aGk=\"}]"), 400, "attachments[0].media_type"},
    {in_context("\"attachments\":[{\"media_type\":1,\"data\":\"aGk=\"}]"), 400, "attachments[0].media_type"},
    {in_context("\"attachments\":[{\"media_type\":\"text/plain\"}]"), 400, "attachments[0] needs data or url"},
    {in_context("\"attachments\":[{\"media_type\":\"text/plain\",\"data\":\"?\"}]"), 400, "attachments[0].data"},
    {in_context("\"attachments\":[{\"media_type\":\"text/plain\",\"data\":5}]"), 400, "attachments[0].data"},
    {in_context("\"attachments\":[{\"media_type\":\"text/plain\",\"url\":[]}]"), 400, "attachments[0].url"},
    {in_context("\"attachments\":[{\"media_type\":\"text/plain\",\"url\":\"shannon:blob:00\"}]"), 400, "attachments[0].url"},
    {in_context("\"attachments\":[{\"media_type\":\"application/x-sh\",\"data\":\"aGk=\"}]"), 400, "attachments[0].media_type"},
    // mode, skill, tier, model, provider, strategy
    {with("\"mode\":\"turbo\""), 400, "Invalid mode (allowed: simple, standard, complex, supervisor)"},
    {with("\"mode\":1"), 400, "mode must be a string"},
    {with("\"skill\":\"unheard-of\""), 400, "Unknown skill: unheard-of"},
    {with("\"skill\":{}"), 400, "skill must be a string"},
    {with("\"model_tier\":\"tiny\""), 400, "Invalid model_tier (allowed: small, medium, large)"},
    {with("\"model_tier\":1"), 400, "model_tier must be a string"},
    {with("\"model_override\":1"), 400, "model_override must be a string"},
    {with("\"model_override\":\"" + std::string(300, 'm') + "\""), 400, "model_override"},
    {with("\"provider_override\":\"acme\""), 400, "Invalid provider_override: acme (allowed: openai"},
    {with("\"provider_override\":false"), 400, "provider_override must be a string"},
    {with("\"research_strategy\":\"slow\""), 400, "Invalid research_strategy (allowed: quick, standard, deep, academic)"},
    {with("\"research_strategy\":9"), 400, "research_strategy must be a string"},
    // numbers and flags
    {with("\"max_iterations\":0"), 400, "max_iterations out of range (1..50)"},
    {with("\"max_iterations\":51"), 400, "max_iterations out of range (1..50)"},
    {with("\"max_iterations\":-1"), 400, "max_iterations out of range (1..50)"},
    {with("\"max_iterations\":5.5"), 400, "max_iterations must be a whole number"},
    {with("\"max_iterations\":\"5\""), 400, "max_iterations must be a whole number"},
    {with("\"max_iterations\":99999999999999999999"), 400, "max_iterations"},
    {with("\"max_iterations\":18446744073709551615"), 400, "max_iterations out of range"},
    {with("\"max_iterations\":1e400"), 400, "Invalid request body"},
    {with("\"max_concurrent_agents\":0"), 400, "max_concurrent_agents out of range (1..20)"},
    {with("\"max_concurrent_agents\":21"), 400, "max_concurrent_agents out of range (1..20)"},
    {with("\"max_concurrent_agents\":true"), 400, "max_concurrent_agents must be a whole number"},
    {with("\"enable_verification\":\"yes\""), 400, "enable_verification must be a boolean"},
    {with("\"enable_verification\":1"), 400, "enable_verification must be a boolean"},
    {with("\"model_tier\":\"small\",\"context\":{\"disable_ai\":\"yes\"}"), 400, "disable_ai=true conflicts"},
    {with("\"model_override\":\"m\",\"context\":{\"disable_ai\":1}"), 400, "disable_ai=true conflicts"},
    // The other way to submit takes the same body.
    {post("/api/v1/tasks/stream", "{\"query\":5}"), 400, "query must be a string"},
    {post("/api/v1/tasks/stream", "{}", "Content-Type: text/xml\r\n"), 415, "Content-Type"},
    // Listing.
    {get("/api/v1/tasks?limit=0"), 400, "Invalid limit parameter"},
    {get("/api/v1/tasks?limit=101"), 400, "Invalid limit parameter"},
    {get("/api/v1/tasks?limit=abc"), 400, "Invalid limit parameter"},
    {get("/api/v1/tasks?limit=-1"), 400, "Invalid limit parameter"},
    {get("/api/v1/tasks?limit=%2B5"), 400, "Invalid limit parameter"},
    {get("/api/v1/tasks?limit=5.0"), 400, "Invalid limit parameter"},
    {get("/api/v1/tasks?limit=99999999999999999999"), 400, "Invalid limit parameter"},
    {get("/api/v1/tasks?offset=-1"), 400, "Invalid offset parameter"},
    {get("/api/v1/tasks?offset=x"), 400, "Invalid offset parameter"},
    {get("/api/v1/tasks?session_id=a%20b"), 400, "Invalid session_id format"},
    {get("/api/v1/tasks?session_id=" + long_id), 400, "Invalid session_id format"},
    {get("/api/v1/tasks?status=PAUSED"), 400, "Invalid status value"},
    {get("/api/v1/tasks?status=done"), 400, "Invalid status value"},
    {get("/api/v1/tasks?limit=%zz"), 400, "limit"},
    {get("/api/v1/tasks?session_id=%ff"), 400, "session_id"},
    {get("/api/v1/tasks?session_id=a%00"), 400, "session_id"},
    // Ids in paths.
    {get("/api/v1/tasks/a%20b"), 400, "Invalid task ID format"},
    {get("/api/v1/tasks/" + long_id), 400, "Invalid task ID format"},
    {get("/api/v1/tasks/a%2Fb"), 400, "Invalid task ID format"},
    {get("/api/v1/tasks/a%00"), 400, "Invalid task ID format"},
    {get("/api/v1/tasks/%ff"), 400, "Invalid task ID format"},
    {get("/api/v1/tasks/a%zz"), 400, "path"},
    {get("/api/v1/tasks/a%20b/events"), 400, "Invalid task ID format"},
    {get("/api/v1/tasks/a%20b/timeline"), 400, "Invalid task ID format"},
    {get("/api/v1/tasks/a%20b/stream"), 400, "Invalid task ID format"},
    {post("/api/v1/tasks/a%20b/cancel", ""), 400, "Invalid task ID format"},
    // Events, timeline, cancel.
    {events("limit=0"), 400, "Invalid limit parameter"},
    {events("limit=201"), 400, "Invalid limit parameter"},
    {events("offset=-5"), 400, "Invalid offset parameter"},
    {timeline("mode=brief"), 400, "Invalid mode parameter"},
    {timeline("include_payloads=maybe"), 400, "Invalid include_payloads parameter"},
    {timeline("persist=2"), 400, "Invalid persist parameter"},
    // Streams.
    {get("/api/v1/stream/sse"), 400, "Invalid or missing workflow_id"},
    {sse("workflow_id="), 400, "Invalid or missing workflow_id"},
    {sse("workflow_id=a%20b"), 400, "Invalid or missing workflow_id"},
    {sse("workflow_id=" + long_id), 400, "Invalid or missing workflow_id"},
    {sse("workflow_id=task-1&last_event_id=x"), 400, "Invalid last_event_id"},
    {sse("workflow_id=task-1&last_event_id=-1"), 400, "Invalid last_event_id"},
    {sse("workflow_id=task-1&last_event_id=1-"), 400, "Invalid last_event_id"},
    {sse("workflow_id=task-1&last_event_id=99999999999999999999"), 400, "Invalid last_event_id"},
    {get("/api/v1/tasks/task-1/stream?last_event_id=x"), 400, "Invalid last_event_id"},
    // What is not there.
    {get("/api/v1/tasks/unknown"), 404, "Task not found"},
    {get("/api/v1/tasks/unknown/timeline"), 404, "Task not found"},
    {post("/api/v1/tasks/unknown/cancel", ""), 404, "Task not found"},
};
// clang-format on

} // namespace

TEST_CASE("each bad request is refused, and what is wrong is named") {
  CHECK(table.size() >= 80);
  auto& fixture = filled_fixture();
  for (const auto& one : table) {
    INFO(one.bytes.substr(0, 300));
    auto answer = fixture.ask(one.bytes);
    CHECK(answer.status == one.status);
    CHECK(answer.fields["content-type"] == "application/json");
    CHECK(answer.body.substr(0, 10) == "{\"error\":\"");
    CHECK(answer.body.find(one.named) != std::string::npos);
    CHECK(answer.body.size() < 1'000);
    CHECK(answer.fields.count("access-control-allow-origin") == 1);
  }
}

TEST_CASE("a task is cancelled whatever the body says") {
  gateway_fixture fixture;
  auto cancel = [&](const std::string& task, const std::string& body,
                    const std::string& fields = {}) {
    fixture.runs.with(task, [](auto&) {});
    return fixture.ask(post("/api/v1/tasks/" + task + "/cancel", body, fields))
        .status;
  };
  CHECK(cancel("a", "stop") == 202);
  CHECK(cancel("b", R"({"reason":5})") == 202);
  CHECK(cancel("c", "[]") == 202);
  CHECK(cancel("d", R"({"reason":"a\u0000"})") == 202);
  CHECK(cancel("e", "<a/>", "Content-Type: text/xml\r\n") == 202);
  // Too long a reason is cut, and no character is torn.
  auto body = R"({"reason":"x)" + std::string(4'094, 'y') + "\u00e9\"}";
  CHECK(cancel("f", body) == 202);
  CHECK(fixture.runs.find("f")->cancelled == "x" + std::string(4'094, 'y'));
}

TEST_CASE("what looks odd but is right is taken") {
  // clang-format off
  auto one = GENERATE(values<std::string>({
      submit("{\"query\":\"x\"} trailing"),
      submit(" \n{\"query\":\"x\"}"),
      submit("{\"Query\":\"x\"}"),
      submit("{\"query\":\"x\",\"unknown\":[1,{\"a\":null}]}"),
      submit("{\"query\":5,\"query\":\"x\"}"),
      with("\"mode\":null,\"context\":null,\"max_iterations\":null"),
      with("\"mode\":\"SIMPLE\",\"model_tier\":\"Large\""),
      with("\"session_id\":\"any text, even \xc3\xa9\""),
      with("\"max_iterations\":50,\"max_concurrent_agents\":20"),
      with("\"provider_override\":\"local\",\"enable_verification\":true"),
      in_context("\"force_research\":\"true\",\"disable_ai\":true"),
      in_context("\"budget_max\":\"0.05\",\"token_budget_per_agent\":20000"),
      submit("{\"context\":{\"attachments\":[{\"media_type\":\"text/plain\",\"data\":\"aGk\"}]}}"),
      submit("{\"query\":\"x\"}", "Content-Type: text/plain\r\n"),
      submit("{\"query\":\"x\"}", "Content-Type: application/x-www-form-urlencoded\r\n"),
      submit("{\"query\":\"x\"}", "Content-Type: application/vnd.api+json; charset=utf-8\r\n"),
      deep(62),
  }));
  // clang-format on
  INFO(one);
  auto answer = filled_fixture().ask(one);
  INFO(answer.body);
  CHECK(answer.status == 200);
}
