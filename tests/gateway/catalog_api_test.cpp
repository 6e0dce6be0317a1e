// Skills, tools, agents, and what people say while a task runs.

#include "actors/gateway/resources/skills.hpp"
#include "protocols/accounts.hpp"
#include "protocols/remote/tool.pb.h"
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

/// A TOOL RUNNER of two tools that answers what it was given.
result<message_body> tools(const envelope& mail) {
  if (mail.body.get_if<remote::ListTools>()) {
    remote::ToolList all;
    for (const char* name : {"calculator", "python_executor"}) {
      auto& tool = *all.add_tools();
      tool.set_name(name);
      tool.set_description("does");
      tool.set_parameters_json(R"({"type":"object"})");
    }
    return message_body{std::move(all)};
  }
  const auto& run = *mail.body.get_if<remote::ToolRun>();
  remote::ToolResult result;
  result.set_success(run.request().arguments_json() != "{}");
  result.set_output("42");
  result.set_error(result.success() ? "" : "no expression");
  result.set_duration_us(5'000);
  return message_body{std::move(result)};
}

} // namespace

TEST_CASE("each skill of the build is whole") {
  CHECK(gateway::skills().size() == 3);
  for (const auto& one : gateway::skills()) {
    CHECK_FALSE(one.description.empty());
    CHECK_FALSE(one.category.empty());
    CHECK(one.enabled);
  }
}

TEST_CASE("a skill file with a mistake is refused with its place") {
  auto refused = [](const char* text) {
    auto read = gateway::read_skill("x.md", text);
    REQUIRE_FALSE(read);
    return read.error().text;
  };
  CHECK(refused("hello").starts_with("x.md: expected `---`"));
  CHECK(refused("---\nname: x\n").starts_with("x.md: expected a second"));
  CHECK(refused("---\nname: x\nversion: 1\nbudgets: 3\n---\ngo")
        == "x.md: unknown key budgets");
  CHECK(refused("---\nname: a b\nversion: 1\n---\ngo")
            .starts_with("x.md: expected a name"));
  CHECK(refused("---\nname: a\nversion: 1\nbudget_max: [1]\n---\ngo")
            .starts_with("x.md: "));
  CHECK(refused("---\nname: a\nversion: 1\n---\n")
            .starts_with("x.md: expected instructions"));
}

TEST_CASE("skills are listed, looked at, and given to a task") {
  gateway_fixture fixture;
  auto all = body_of(fixture.ask(get("/api/v1/skills")));
  CHECK(all["count"] == 3);
  CHECK(all["categories"] == json_in{"development"});
  auto none = body_of(fixture.ask(get("/api/v1/skills?category=cooking")));
  CHECK(none["skills"].is_null());
  CHECK(none["count"] == 0);
  auto one = body_of(fixture.ask(get("/api/v1/skills/debugging")));
  CHECK(one["skill"]["Name"] == "debugging");
  CHECK(one["skill"]["name"] == "debugging");
  CHECK(one["skill"]["Content"] == one["skill"]["content"]);
  CHECK(one["metadata"]["content_hash"].get<std::string>().size() == 64);
  CHECK(fixture.ask(get("/api/v1/skills/debugging@1.0.0")).status == 200);
  CHECK(fixture.ask(get("/api/v1/skills/debugging@9.0.0")).status == 404);
  auto versions
      = body_of(fixture.ask(get("/api/v1/skills/debugging/versions")));
  CHECK(versions["count"] == 1);
  CHECK(fixture.ask(get("/api/v1/skills/cooking/versions")).status == 404);

  auto accepted = fixture.ask(
      post("/api/v1/tasks", R"({"query":"why?","skill":"debugging"})"));
  REQUIRE(accepted.status == 200);
  auto task = body_of(accepted)["task_id"].get<std::string>();
  auto context = json_in::parse(fixture.runs.find(task)->input.context_json());
  CHECK(context["skill_version"] == "1.0.0");
  CHECK(context["system_prompt"] == one["skill"]["Content"]);
}

TEST_CASE("tools that a client may run are listed and run") {
  gateway_fixture fixture;
  CHECK(fixture.ask(get("/api/v1/tools")).status == 502); // Nobody is there.
  fixture.stand_in("tool", tools);
  auto all = body_of(fixture.ask(get("/api/v1/tools")));
  REQUIRE(all.is_array());
  REQUIRE(all.size() == 1);
  CHECK(all[0]
        == json_in{{"name", "calculator"},
                   {"description", "does"},
                   {"parameters", {{"type", "object"}}}});
  CHECK(body_of(fixture.ask(get("/api/v1/tools?category=web"))).empty());
  CHECK(body_of(fixture.ask(get("/api/v1/tools/calculator")))["category"]
        == "calculation");
  auto unknown = fixture.ask(get("/api/v1/tools/hammer"));
  CHECK(unknown.status == 404);
  CHECK(body_of(unknown)["error"] == "Tool 'hammer' not found");
  CHECK(fixture.ask(get("/api/v1/tools/python_executor")).status == 403);
  CHECK(fixture.ask(post("/api/v1/tools/python_executor/execute", "{}")).status
        == 403);

  auto run = [&](const std::string& body) {
    return fixture.ask(post("/api/v1/tools/calculator/execute", body));
  };
  auto done = body_of(run(R"({"arguments":{"expression":"6*7"}})"));
  CHECK(done["success"] == true);
  CHECK(done["output"] == 42);
  CHECK(done["text"] == "42");
  CHECK(done["error"].is_null());
  CHECK(done["execution_time_ms"] == 5);
  CHECK(done["usage"]["tokens"] == 100);
  auto failed = body_of(run("{}"));
  CHECK(failed["success"] == false);
  CHECK(failed["error"] == "no expression");
  CHECK(failed.contains("usage") == false);
  CHECK(run(R"({"arguments":[]})").status == 400);
  CHECK(run("nonsense").status == 400);
}

TEST_CASE("a tool works in the folder of the session, however it is named") {
  gateway_fixture fixture;
  std::string ran_in;
  fixture.stand_in("tool", [&](const envelope& mail) {
    if (const auto* run = mail.body.get_if<remote::ToolRun>())
      ran_in = run->context().session();
    return tools(mail);
  });
  auto run = [&](const std::string& session) {
    return fixture
        .ask(post("/api/v1/tools/calculator/execute",
                  R"({"session_id":")" + session + "\"}"))
        .status;
  };
  fixture.ask(post("/api/v1/tasks", R"({"query":"q","session_id":"a talk"})"));
  auto id = fixture.records.sessions()[0].id;
  CHECK(run(id) == 200);
  CHECK(ran_in == "a talk");
  CHECK(run("a talk") == 200);
  CHECK(ran_in == "a talk");
  // One that nobody has begun is begun under this id.
  const std::string fresh = "00000000-0000-4000-8000-00000000dead";
  CHECK(run(fresh) == 200);
  CHECK(ran_in == fresh);
  CHECK(run(std::string(257, 'x')) == 400);
}

TEST_CASE("there are no agents of fixed input") {
  gateway_fixture fixture;
  CHECK(body_of(fixture.ask(get("/api/v1/agents")))
        == json_in{{"agents", json_in::array()}, {"count", 0}});
  auto none = fixture.ask(get("/api/v1/agents/keyword"));
  CHECK(none.status == 404);
  CHECK(body_of(none)["error"] == "Agent not found: keyword");
  CHECK(fixture.ask(post("/api/v1/agents/keyword", "{}")).status == 404);
}

TEST_CASE("a decision reaches its task once, under the approval's id") {
  gateway_fixture fixture;
  fixture.runs.with("t", [](fake_runs::run&) {});
  auto decide = [&](const std::string& body) {
    return fixture.ask(post("/api/v1/approvals/decision", body));
  };
  auto sent
      = decide(R"({"workflow_id":"t","approval_id":"a1","approved":true})");
  CHECK(sent.status == 200);
  CHECK(body_of(sent)["message"] == "Approval a1 processed successfully");
  auto signals = fixture.runs.find("t")->signals;
  REQUIRE(signals.size() == 1);
  CHECK(signals[0].name() == "human-approval-a1");
  CHECK(signals[0].signal_id() == "a1");
  auto told = json_in::parse(signals[0].payload());
  CHECK(told["approved"] == true);
  CHECK(told["approved_by"] == accounts::first_user);
  CHECK(body_of(decide(R"({"approved":true})"))["error"]
        == "workflow_id and approval_id are required");
  CHECK(decide(R"({"workflow_id":"none","approval_id":"a"})").status == 404);
}

TEST_CASE("a plan that nobody reviews is not found, what is wrong is said") {
  gateway_fixture fixture;
  fixture.runs.with("t", [](fake_runs::run&) {});
  CHECK(fixture.ask(get("/api/v1/tasks/t/review")).status == 404);
  auto error = [&](const std::string& body) {
    return body_of(fixture.ask(post("/api/v1/tasks/t/review", body)))["error"];
  };
  CHECK(error("{}") == "action must be 'feedback' or 'approve'");
  CHECK(error(R"({"action":"feedback"})")
        == "message is required for feedback");
  CHECK(error(R"({"action":"approve"})")
        == "Review session not found or expired");
  CHECK(error(R"({"action":"feedback","message":")" + std::string(10'241, 'x')
              + "\"}")
        == "message exceeds maximum length (10KB)");
}

TEST_CASE("a task that is no swarm takes no messages") {
  gateway_fixture fixture;
  fixture.runs.with("t", [](fake_runs::run&) {});
  auto say = [&](const std::string& task, const std::string& body) {
    return fixture.ask(post("/api/v1/swarm/" + task + "/message", body)).status;
  };
  CHECK(say("t", R"({"message":"hi"})") == 409);
  CHECK(say("none", R"({"message":"hi"})") == 404);
  CHECK(say("t", R"({"message":""})") == 400);
  CHECK(say("t", "nonsense") == 400);
  CHECK(say("t", R"({"message":")" + std::string(32'769, 'x') + "\"}") == 400);
}
