#include "actors/agent/agent_loop.hpp"
#include "actors/agent/conversation.hpp"
#include "tests/kit/run_driver.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace shannon;
using namespace shannon::agent;
using workflow::durable_run;
using workflow::run_driver;

namespace {

/// A model that calls `turns` rounds of tools, then answers.
struct scripted_world {
  int turns = 3;
  int calls_per_turn = 2;
  bool tools_work = true;
  std::string output = "7";
  std::int64_t tokens_each = 0;
  std::int64_t nanousd_each = 0;
  std::vector<remote::LlmRequest> asked;
  std::map<std::string, int> ran;

  durable_run::effect_outcome
  operator()(const durable_run::effect_start& start) {
    if (start.effect == "tools") {
      remote::ToolList tools;
      tools.add_tools()->set_name("calculator");
      tools.add_tools()->set_name("web_fetch");
      return {tools.SerializeAsString(), {}, {}, 0};
    }
    if (start.effect == "tool")
      return tool(start);
    const auto& request = dynamic_cast<const remote::LlmRequest&>(*start.input);
    asked.push_back(request);
    int turn = 0;
    for (const auto& message : request.messages())
      turn += message.role() == remote::ChatMessage::ASSISTANT;
    remote::LlmResponse answer;
    answer.set_model("scripted-1");
    if (turn < turns && request.tools_size() > 0)
      for (int i = 0; i < calls_per_turn; ++i) {
        auto& call = *answer.mutable_message()->add_tool_calls();
        call.set_name("calculator");
        call.set_arguments_json("{\"expression\":\"" + std::to_string(turn)
                                + "+" + std::to_string(i) + "\"}");
      }
    else
      answer.mutable_message()->set_text("done after " + std::to_string(turn));
    facts::Usage usage;
    usage.set_output_tokens(tokens_each);
    usage.set_cost_nanousd(nanousd_each);
    return {answer.SerializeAsString(), usage, {}, 0};
  }

  durable_run::effect_outcome tool(const durable_run::effect_start& start) {
    ++ran[start.key];
    remote::ToolResult result;
    result.set_success(tools_work);
    result.set_output(output);
    result.set_error(tools_work ? "" : "expression: a number expected at 3");
    return {result.SerializeAsString(), {}, {}, 0};
  }
};

std::string brief_bytes(std::uint32_t iterations_max = 0) {
  remote::AgentBrief brief;
  brief.set_name("agent-1");
  brief.set_task("add things up");
  brief.set_iterations_max(iterations_max);
  return brief.SerializeAsString();
}

workflow::program loop(loop_options options = {}) {
  return [options](workflow::context ctx, std::string input) {
    return run_agent(std::move(ctx), std::move(input), options);
  };
}

remote::AgentReport report_of(const run_driver& world) {
  remote::AgentReport report;
  report.ParseFromString(world.run->output());
  return report;
}

} // namespace

TEST_CASE("the loop runs tools until the model answers") {
  auto script = std::make_shared<scripted_world>();
  run_driver world{loop(), [script](auto& start) { return (*script)(start); }};
  world.begin(brief_bytes());
  world.settle();
  auto report = report_of(world);
  CHECK(report.success());
  CHECK(report.text() == "done after 3");
  CHECK(report.iterations() == 4);
  CHECK(report.tool_calls() == 6);
  CHECK(script->ran.size() == 6);
  // Each call is answered by name in what the model is told next.
  const auto& last = script->asked.back();
  std::set<std::string> ids;
  for (const auto& message : last.messages())
    if (message.role() == remote::ChatMessage::TOOL)
      ids.insert(message.tool_call_id());
  CHECK(ids.size() == 6);
}

TEST_CASE("a crash in mid-loop repeats no recorded call") {
  for (int crash_at = 2; crash_at < 40; crash_at += 3) {
    auto script = std::make_shared<scripted_world>();
    run_driver world{loop(),
                     [script](auto& start) { return (*script)(start); }};
    world.begin(brief_bytes());
    for (int i = 0; i < crash_at && world.step(); ++i) {
    }
    std::set<std::string> recorded;
    for (std::size_t v = 1; v <= world.log.size(); ++v)
      if (auto fact = world.fact(v); fact.has_step_completed())
        recorded.insert(facts::to_string(fact.step_completed().step()));
    auto before = world.started;
    world.crash();
    world.settle();
    INFO("crash after step " << crash_at);
    CHECK(report_of(world).text() == "done after 3");
    for (const auto& key : recorded)
      CHECK(world.started[key] == before[key]);
  }
}

TEST_CASE("after the last iteration the model is asked once more, toolless") {
  auto script = std::make_shared<scripted_world>();
  script->turns = 100;
  run_driver world{loop(), [script](auto& start) { return (*script)(start); }};
  world.begin(brief_bytes(3));
  world.settle();
  CHECK(report_of(world).stop_reason() == "iterations");
  CHECK(report_of(world).iterations() == 4);
  CHECK(script->asked.back().tools_size() == 0);
}

TEST_CASE("an agent whose budget wears thin answers with what it has") {
  auto script = std::make_shared<scripted_world>();
  script->turns = 100;
  script->tokens_each = 100;
  script->nanousd_each = 1'000;
  run_driver world{loop(), [script](auto& start) { return (*script)(start); }};
  remote::AgentBrief brief;
  brief.set_name("agent-1");
  brief.set_task("add things up");
  SECTION("of money") {
    brief.set_budget_nanousd(5'000);
    world.begin(brief.SerializeAsString());
    world.settle();
    // Told before each call what is left.
    CHECK(script->asked.front().cost_nanousd_max() == 5'000);
    CHECK(script->asked.back().cost_nanousd_max() == 1'000);
  }
  SECTION("of tokens") {
    brief.set_tokens_max(500);
    world.begin(brief.SerializeAsString());
    world.settle();
    CHECK(script->asked.front().max_output_tokens() == 500);
    CHECK(script->asked.back().max_output_tokens() == 100);
  }
  CHECK(report_of(world).success());
  CHECK(report_of(world).stop_reason() == "budget");
  CHECK(script->asked.size() == 5);
  CHECK(script->asked.back().tools_size() == 0);
  auto told = world.event_types();
  CHECK(std::count(told.begin(), told.end(), "BUDGET_THRESHOLD") == 1);
}

TEST_CASE("an agent that has spent all fails and says so") {
  auto script = std::make_shared<scripted_world>();
  script->turns = 100;
  script->nanousd_each = 6'000; // More than it should have, at once.
  run_driver world{loop(), [script](auto& start) { return (*script)(start); }};
  remote::AgentBrief brief;
  brief.set_name("agent-1");
  brief.set_budget_nanousd(5'000);
  world.begin(brief.SerializeAsString());
  world.settle();
  CHECK(script->asked.size() == 1);
  CHECK(world.run->failure().code == errc::denied);
  CHECK(world.run->failure().text.find("the budget of the agent is spent")
        == 0);
}

TEST_CASE("the limit in the brief holds on a node with any other setting") {
  auto script = std::make_shared<scripted_world>();
  script->turns = 100;
  loop_options less;
  less.iterations_max = 1;
  run_driver world{loop(less),
                   [script](auto& start) { return (*script)(start); }};
  world.begin(brief_bytes(3));
  world.settle();
  CHECK(report_of(world).iterations() == 4);
}

TEST_CASE("a failing tool is told to the model and ends nothing") {
  auto script = std::make_shared<scripted_world>();
  script->tools_work = false;
  run_driver world{loop(), [script](auto& start) { return (*script)(start); }};
  world.begin(brief_bytes());
  world.settle();
  CHECK(report_of(world).success());
  const auto& told = script->asked.back().messages(3);
  CHECK(told.is_error());
  CHECK(told.text() == "Error: expression: a number expected at 3");
}

TEST_CASE("calls beyond the limit of one turn are refused by name") {
  auto script = std::make_shared<scripted_world>();
  script->turns = 1;
  script->calls_per_turn = 5;
  loop_options narrow;
  narrow.calls_per_turn_max = 2;
  run_driver world{loop(narrow),
                   [script](auto& start) { return (*script)(start); }};
  world.begin(brief_bytes());
  world.settle();
  CHECK(script->ran.size() == 2);
  int refused = 0;
  for (const auto& message : script->asked.back().messages())
    refused += message.text().find("at most 2 calls") != std::string::npos;
  CHECK(refused == 3);
}

TEST_CASE("tool arguments reach clients without secrets and cut to size") {
  auto shown = nlohmann::json::parse(presentable_arguments(
      R"({"url":"x","Api_Key":"s3cret","deep":{"a":{"b":{"c":{"d":1}}}},"text":")"
      + std::string(5'000, 'y') + R"("})"));
  CHECK(shown["Api_Key"] == "[redacted]");
  CHECK(shown["text"].get<std::string>().size() == 1'000);
  CHECK(shown.dump().find("s3cret") == std::string::npos);
  CHECK(shown["deep"]["a"]["b"]["c"] == "…");
  CHECK(presentable_arguments("no json") == "{}");
}

TEST_CASE("a conversation at its limit leaves out its oldest results first") {
  remote::AgentBrief brief;
  brief.set_name("agent-1");
  brief.set_task("read a lot");
  brief.set_conversation_bytes_max(16'000);
  for (int crash_at = 0; crash_at < 30; crash_at += 7) {
    auto script = std::make_shared<scripted_world>();
    script->turns = 6;
    script->calls_per_turn = 1;
    script->output = std::string(4'000, 'y');
    run_driver world{loop(),
                     [script](auto& start) { return (*script)(start); }};
    world.begin(brief.SerializeAsString());
    for (int i = 0; i < crash_at && world.step(); ++i) {
    }
    if (crash_at > 0)
      world.crash();
    world.settle();
    INFO("crash after step " << crash_at);
    // A replay that shortened otherwise would be parked.
    REQUIRE(world.run->status() == store::log_status::completed);
    for (const auto& request : script->asked)
      CHECK(size_of({request.messages().begin(), request.messages().end()})
            <= 16'000);
    std::vector<std::string> results;
    for (const auto& message : script->asked.back().messages())
      if (message.role() == remote::ChatMessage::TOOL)
        results.push_back(message.text());
    REQUIRE(results.size() == 6);
    CHECK(results.front()
          == "[this result of 4000 bytes was left out to make room]");
    CHECK(results.back() == script->output);
  }
}

TEST_CASE("results of one turn that are too much together are cut") {
  conversation what;
  what.emplace_back().set_role(remote::ChatMessage::ASSISTANT);
  for (int i = 0; i < 4; ++i) {
    auto& message = what.emplace_back();
    message.set_role(remote::ChatMessage::TOOL);
    message.set_text(std::string(10'000, 'z'));
  }
  CHECK(shorten(what, 15'000));
  CHECK(size_of(what) <= 15'000);
  CHECK(what[1].text().substr(0, 1'000) == std::string(1'000, 'z'));
  CHECK(what[1].text().find("the rest of a result of 10000")
        != std::string::npos);
  CHECK(what[4].text().size() == 10'000);
}

TEST_CASE("a conversation that cannot be shortened fails and says so") {
  remote::AgentBrief brief;
  brief.set_name("agent-1");
  brief.set_task(std::string(20'000, 'x'));
  brief.set_conversation_bytes_max(16'384);
  auto script = std::make_shared<scripted_world>();
  run_driver world{loop(), [script](auto& start) { return (*script)(start); }};
  world.begin(brief.SerializeAsString());
  world.settle();
  CHECK(world.run->status() == store::log_status::failed);
  CHECK(world.run->failure().text.find("its limit is 16384")
        != std::string::npos);
  CHECK(script->asked.empty());
}
