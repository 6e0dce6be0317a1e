#include "actors/workflow/strategies/daemon.hpp"
#include "actors/workflow/strategies/plan.hpp"
#include "actors/workflow/strategies/task.hpp"
#include "tests/kit/run_driver.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::workflow;

namespace {

struct scripted_team {
  std::string plan_text;
  bool plan_fails = false;
  std::set<std::string> failing_agents;
  std::vector<remote::AgentBrief> briefs;

  durable_run::effect_outcome
  operator()(const durable_run::effect_start& start) {
    if (start.effect == "agent")
      return work(dynamic_cast<const remote::AgentBrief&>(*start.input));
    const auto& request = dynamic_cast<const remote::LlmRequest&>(*start.input);
    if (request.purpose() == "plan" && plan_fails)
      return {fail(errc::failed, "model says no"), {}, {}, 0};
    remote::LlmResponse answer;
    answer.mutable_message()->set_text(request.purpose() == "plan" ? plan_text
                                                                   : "joined");
    facts::Usage usage;
    usage.set_input_tokens(100);
    usage.set_output_tokens(20);
    usage.set_model("scripted-1");
    return {answer.SerializeAsString(), usage, {}, 0};
  }

  durable_run::effect_outcome work(const remote::AgentBrief& brief) {
    briefs.push_back(brief);
    if (failing_agents.count(brief.name()) != 0)
      return {fail(errc::failed, brief.name() + " broke"), {}, {}, 0};
    remote::AgentReport report;
    report.set_name(brief.name());
    report.set_success(true);
    report.set_text("by " + brief.name());
    return {report.SerializeAsString(), {}, {}, 0};
  }
};

const char* two_parts = R"(Here you are:
```json
{"mode":"standard","complexity_score":0.5,"subtasks":[
 {"id":"s1","description":"find a","dependencies":[]},
 {"id":"s2","description":"find b","dependencies":["s1"]}]}
```)";

struct team_world {
  std::shared_ptr<scripted_team> team = std::make_shared<scripted_team>();
  std::unique_ptr<run_driver> world;

  void run(const std::string& mode = {}) {
    run_options options;
    options.ends_stream = true;
    world = std::make_unique<run_driver>(
        [](context ctx, std::string input) {
          return run_task(std::move(ctx), std::move(input), {});
        },
        [team = team](auto& start) { return (*team)(start); }, options);
    remote::TaskInput input;
    input.set_query("do it");
    input.set_mode(mode);
    world->begin(input.SerializeAsString());
    world->settle();
  }

  std::string answer() const {
    remote::AgentReport report;
    report.ParseFromString(world->run->output());
    return report.text();
  }
};

} // namespace

TEST_CASE("one part is answered by its agent, without a synthesis") {
  team_world w;
  w.team->plan_text = R"({"mode":"simple","subtasks":[]})";
  w.run();
  CHECK(w.answer() == "by agent-1");
  CHECK(w.world->event_types()
        == std::vector<std::string>{"WORKFLOW_STARTED", "PROGRESS",
                                    "AGENT_COMPLETED", "LLM_OUTPUT",
                                    "WORKFLOW_COMPLETED", "STREAM_END"});
}

TEST_CASE("parts run in the order of their dependencies and are joined") {
  team_world w;
  w.team->plan_text = two_parts;
  w.run();
  REQUIRE(w.team->briefs.size() == 2);
  CHECK(w.team->briefs[0].task() == "find a");
  REQUIRE(w.team->briefs[1].inputs_size() == 1);
  CHECK(w.team->briefs[1].inputs(0).text() == "by agent-s1");
  CHECK(w.answer() == "joined");
  CHECK(w.world->run->usage().input_tokens() == 200);
}

TEST_CASE("a plan that cannot be had or read gives the task to one agent") {
  team_world unreadable;
  unreadable.team->plan_text = "I would rather not.";
  unreadable.run();
  CHECK(unreadable.answer() == "by agent-1");
  team_world refused;
  refused.team->plan_fails = true;
  refused.run();
  CHECK(refused.answer() == "by agent-1");
}

TEST_CASE("mode simple asks for no plan") {
  team_world w;
  w.run("simple");
  CHECK(w.answer() == "by agent-1");
  CHECK(w.world->started.count("plan#1") == 0);
}

TEST_CASE("one failed part is said, and the others still give an answer") {
  team_world w;
  w.team->plan_text = two_parts;
  w.team->failing_agents = {"agent-s1"};
  w.run();
  CHECK(w.answer() == "joined");
  CHECK(w.team->briefs[1].inputs(0).error() == "agent-s1 broke");
}

TEST_CASE("a task whose agents all failed fails with their reason") {
  team_world w;
  w.team->failing_agents = {"agent-1"};
  w.run("simple");
  CHECK(w.world->run->status() == store::log_status::failed);
  CHECK(w.world->run->failure().text == "agent-1 broke");
  CHECK(w.world->event_types().back() == "STREAM_END");
}

TEST_CASE("plans with cycles, repeated, odd or unknown ids are refused") {
  auto refused
      = [](const char* text) { return !parse_plan(text, "q", 8).has_value(); };
  CHECK(refused(R"({"subtasks":[{"id":"a","dependencies":["b"]},
                                 {"id":"b","dependencies":["a"]}]})"));
  CHECK(refused(R"({"subtasks":[{"id":"a","dependencies":["a"]}]})"));
  CHECK(refused(R"({"subtasks":[{"id":"a"},{"id":"a"}]})"));
  CHECK(refused(R"({"subtasks":[{"id":"a/b"}]})"));
  CHECK(refused(R"({"subtasks":[{"id":"a","dependencies":["z"]}]})"));
  CHECK(refused(R"({"subtasks":["a"]})"));
  CHECK(refused("[1,2]"));
  CHECK(refused(""));
  std::string many = R"({"subtasks":[)";
  for (int i = 0; i < 9; ++i)
    many += (i ? ",{\"id\":\"" : "{\"id\":\"") + std::to_string(i) + "\"}";
  CHECK(refused((many + "]}").c_str()));
}

TEST_CASE("a plan is read under the limit its task was accepted with") {
  auto team = std::make_shared<scripted_team>();
  team->plan_text = two_parts;
  run_driver world{[](context ctx, std::string input) {
                     task_options lowered;
                     lowered.agents_max = 1;
                     return run_task(std::move(ctx), std::move(input), lowered);
                   },
                   [team](auto& start) { return (*team)(start); }};
  remote::TaskInput input;
  input.set_query("do it");
  input.set_agents_max(2);
  world.begin(input.SerializeAsString());
  world.settle();
  CHECK(team->briefs.size() == 2);
}

TEST_CASE("a message to a daemon waits for its reply, and not for ever") {
  auto code = [](context ctx, std::string input) {
    return run_daemon(std::move(ctx), std::move(input));
  };
  auto no_effects = [](const durable_run::effect_start&) {
    return durable_run::effect_outcome{};
  };
  run_driver replied{code, no_effects};
  replied.begin("600000");
  replied.step();
  replied.crash();
  CHECK_FALSE(replied.replay_failed);
  replied.run->signal("daemon-reply-v1", "reply", "42", replied.now_us);
  replied.settle();
  REQUIRE(replied.run->ended());
  CHECK(replied.run->output() == "42");

  run_driver forgotten{code, no_effects};
  forgotten.begin("600000");
  auto begun = forgotten.now_us;
  forgotten.settle();
  REQUIRE(forgotten.run->ended());
  CHECK(forgotten.status == store::log_status::failed);
  CHECK(forgotten.run->failure().code == errc::timeout);
  CHECK(forgotten.now_us - begun >= 600'000'000);

  run_driver senseless{code, no_effects};
  senseless.begin("soon");
  senseless.settle();
  CHECK(senseless.status == store::log_status::failed);
}
