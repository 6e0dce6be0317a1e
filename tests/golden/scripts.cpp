#include "tests/golden/scripts.hpp"

#include "actors/agent/agent_loop.hpp"
#include "actors/workflow/strategies/task.hpp"
#include "protocols/remote/session.pb.h"
#include "tests/workflow/context_examples.hpp"

#include <utility>

namespace shannon::golden {

namespace {

using workflow::context;
using workflow::durable_run;
using workflow::run_driver;
using workflow::run_options;

constexpr auto plan_of_two = R"({"mode":"standard","complexity_score":0.5,
 "subtasks":[
  {"id":"s1","description":"find the height","dependencies":[]},
  {"id":"s2","description":"find the width","dependencies":[]},
  {"id":"s3","description":"multiply them","dependencies":["s1","s2"]}]})";

/// Chance and ids that a replay can count on.
run_options steady(bool ends_stream) {
  run_options options;
  options.ends_stream = ends_stream;
  options.entropy = [] { return std::uint64_t{0x1234'5678'9abc'def0}; };
  return options;
}

durable_run::effect_outcome said(remote::LlmResponse response) {
  facts::Usage usage;
  usage.set_input_tokens(100);
  usage.set_output_tokens(20);
  usage.set_cost_nanousd(4'200);
  usage.set_model("scripted-1");
  usage.set_provider("script");
  facts::ModelUse use;
  use.set_model("scripted-1");
  use.set_provider("script");
  use.set_executions(1);
  use.set_tokens(120);
  use.set_cost_nanousd(4'200);
  response.set_model("scripted-1");
  response.set_provider("script");
  return {response.SerializeAsString(), usage, {use}, 1'500};
}

// -- a task: plan, agents, synthesis ------------------------------------------

durable_run::effect_outcome team(const durable_run::effect_start& start) {
  if (const auto* brief
      = dynamic_cast<const remote::AgentBrief*>(start.input.get())) {
    if (brief->name() == "agent-s2")
      return {fail(errc::failed, "the width is nowhere"), {}, {}, 900};
    remote::AgentReport report;
    report.set_name(brief->name());
    report.set_success(true);
    report.set_text("by " + brief->name());
    report.set_iterations(2);
    return {report.SerializeAsString(), {}, {}, 900};
  }
  if (start.effect == "session") {
    remote::SessionNamed done;
    done.set_named(true);
    return {done.SerializeAsString(), {}, {}, 40};
  }
  const auto& request = dynamic_cast<const remote::LlmRequest&>(*start.input);
  if (start.attempt == 1 && request.purpose() == "synthesize")
    return {fail(errc::unavailable, "529 overloaded", true), {}, {}, 10};
  remote::LlmResponse answer;
  answer.mutable_message()->set_text(request.purpose() == "plan" ? plan_of_two
                                     : request.purpose() == "title"
                                         ? "How Large It Is"
                                         : "The area is 12.");
  return said(std::move(answer));
}

workflow::durable<std::string> task(context ctx, std::string input) {
  return workflow::run_task(std::move(ctx), std::move(input), {});
}

run_driver play_task(const std::string& mode, bool names_session = false) {
  run_driver world{task, team, steady(true)};
  remote::TaskInput input;
  input.set_query("How large is it?");
  input.set_mode(mode);
  input.set_agents_max(8);
  input.set_names_session(names_session);
  world.begin(input.SerializeAsString());
  facts::Event thinking;
  thinking.set_type("AGENT_THINKING");
  thinking.set_agent_id("agent-s1");
  for (int version = 1; world.step();)
    if (world.started.count("s1/agent#1") != 0 && version <= 2)
      world.run->child_progressed("task/agent-s1", version++, thinking,
                                  world.now_us);
  return world;
}

run_driver cancel_task() {
  run_driver world{task, team, steady(true)};
  remote::TaskInput input;
  input.set_query("How large is it?");
  world.begin(input.SerializeAsString());
  while (world.started.count("s1/agent#1") == 0 && world.step()) {
  }
  world.run->cancel("never mind", "user", world.now_us);
  world.settle();
  return world;
}

// -- an agent: model, tools, model --------------------------------------------

durable_run::effect_outcome workshop(const durable_run::effect_start& start) {
  if (start.effect == "tools") {
    remote::ToolList tools;
    tools.add_tools()->set_name("calculator");
    return {tools.SerializeAsString(), {}, {}, 3};
  }
  if (const auto* request
      = dynamic_cast<const remote::ToolRequest*>(start.input.get())) {
    if (request->arguments_json() == "{\"expression\":\"1/0\"}")
      return {fail(errc::failed, "division by zero"), {}, {}, 3};
    remote::ToolResult result;
    result.set_success(true);
    result.set_output("12");
    return {result.SerializeAsString(), {}, {}, 3};
  }
  const auto& request = dynamic_cast<const remote::LlmRequest&>(*start.input);
  remote::LlmResponse answer;
  auto turn = 0;
  for (const auto& message : request.messages())
    turn += message.role() == remote::ChatMessage::ASSISTANT;
  auto call = [&](const char* expression) {
    auto& wanted = *answer.mutable_message()->add_tool_calls();
    wanted.set_name("calculator");
    wanted.set_arguments_json(std::string{"{\"expression\":\""} + expression
                              + "\"}");
  };
  if (turn == 0) {
    call("3*4");
    call("1/0");
  } else if (turn == 1) {
    call("6+6");
  } else {
    answer.mutable_message()->set_text("It is 12.");
  }
  return said(std::move(answer));
}

workflow::durable<std::string> loop(context ctx, std::string input) {
  return agent::run_agent(std::move(ctx), std::move(input), {});
}

run_driver play_agent() {
  run_driver world{loop, workshop, steady(false)};
  remote::AgentBrief brief;
  brief.set_name("agent-1");
  brief.set_task("multiply");
  brief.set_query("How large is it?");
  world.begin(brief.SerializeAsString());
  world.settle();
  return world;
}

// -- an agent with a browser, whose session is lost once ----------------------

durable_run::effect_outcome browsing(const durable_run::effect_start& start) {
  if (start.effect == "tools") {
    remote::ToolList tools;
    tools.add_tools()->set_name("browser_navigate");
    return {tools.SerializeAsString(), {}, {}, 3};
  }
  if (const auto* request
      = dynamic_cast<const remote::BrowserRequest*>(start.input.get())) {
    if (request->arguments_json() == "{\"url\":\"http://c/\"}")
      return {fail(errc::not_found, "its node is gone"), {}, {}, 3};
    remote::BrowserResult got;
    got.mutable_result()->set_success(true);
    got.mutable_result()->set_output("did " + request->action());
    got.set_holder("node-a#1");
    got.set_state(R"({"url":"http://b/"})");
    return {got.SerializeAsString(), {}, {}, 700};
  }
  const auto& request = dynamic_cast<const remote::LlmRequest&>(*start.input);
  remote::LlmResponse answer;
  auto turn = 0;
  for (const auto& message : request.messages())
    turn += message.role() == remote::ChatMessage::ASSISTANT;
  auto go_to = [&](const std::string& url) {
    auto& wanted = *answer.mutable_message()->add_tool_calls();
    wanted.set_name("browser_navigate");
    wanted.set_arguments_json("{\"url\":\"" + url + "\"}");
  };
  if (turn == 0) {
    go_to("http://a/");
    go_to("http://b/");
  } else if (turn == 1) {
    go_to("http://c/");
  } else if (turn == 2) {
    go_to("http://d/");
  } else {
    answer.mutable_message()->set_text("Seen.");
  }
  return said(std::move(answer));
}

run_driver play_browser() {
  run_driver world{loop, browsing, steady(false)};
  remote::AgentBrief brief;
  brief.set_name("agent-1");
  brief.set_task("look");
  brief.add_tools("browser_*");
  world.begin(brief.SerializeAsString());
  world.settle();
  return world;
}

// -- the context's examples ---------------------------------------------------

run_driver play_example(const std::string& name) {
  using namespace workflow::examples;
  auto world = world_of(all_examples().at(name), steady(false));
  while (world.step() || happen(name, world)) {
  }
  return world;
}

} // namespace

const std::map<std::string, script>& all_scripts() {
  static const auto all = [] {
    std::map<std::string, script> scripts{
        {"task-with-agents",
         {task, steady(true), [] { return play_task("standard"); }}},
        {"task-simple",
         {task, steady(true), [] { return play_task("simple"); }}},
        {"task-with-title",
         {task, steady(true), [] { return play_task("standard", true); }}},
        {"task-cancelled", {task, steady(true), cancel_task}},
        {"agent-loop", {loop, steady(false), play_agent}},
        {"agent-browser", {loop, steady(false), play_browser}},
    };
    for (const auto& [name, what] : workflow::examples::all_examples())
      scripts["context-" + name] = {what.code, steady(false), [name = name] {
                                      return play_example(name);
                                    }};
    return scripts;
  }();
  return all;
}

} // namespace shannon::golden
