#include "actors/workflow/strategies/daemon.hpp"
#include "actors/workflow/strategies/plan.hpp"
#include "actors/workflow/strategies/session_title.hpp"
#include "actors/workflow/strategies/task.hpp"
#include "protocols/remote/daemon.pb.h"
#include "protocols/remote/session.pb.h"
#include "tests/kit/run_driver.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace shannon;
using namespace shannon::workflow;

namespace {

struct scripted_team {
  std::string plan_text;
  bool plan_fails = false;
  std::set<std::string> failing_agents;
  std::vector<remote::AgentBrief> briefs;
  std::vector<std::string> shown; ///< As what, empty: as their briefs say.
  bool renames = true;            ///< Those that an earlier build began do not.
  std::optional<std::string> title; ///< Without one the model fails.
  bool has_title = false;           ///< The session, by then.
  std::vector<remote::LlmRequest> titles_asked;
  std::vector<remote::NameSession> names;

  durable_run::effect_outcome
  operator()(const durable_run::effect_start& start) {
    if (start.effect == "agent")
      shown.push_back(start.shown_as);
    if (start.effect == "agent")
      return work(dynamic_cast<const remote::AgentBrief&>(*start.input),
                  renames ? start.shown_as : std::string{});
    if (start.effect == "session")
      return name(dynamic_cast<const remote::NameSession&>(*start.input));
    const auto& request = dynamic_cast<const remote::LlmRequest&>(*start.input);
    bool is_title = request.purpose() == "title";
    if (is_title)
      titles_asked.push_back(request);
    if ((request.purpose() == "plan" && plan_fails) || (is_title && !title))
      return {fail(errc::failed, "model says no"), {}, {}, 0};
    remote::LlmResponse answer;
    answer.mutable_message()->set_text(request.purpose() == "plan" ? plan_text
                                       : is_title                  ? *title
                                                                   : "joined");
    facts::Usage usage;
    usage.set_input_tokens(100);
    usage.set_output_tokens(20);
    usage.set_model("scripted-1");
    return {answer.SerializeAsString(), usage, {}, 0};
  }

  durable_run::effect_outcome name(const remote::NameSession& wish) {
    names.push_back(wish);
    remote::SessionNamed done;
    done.set_named(!has_title);
    return {done.SerializeAsString(), {}, {}, 0};
  }

  durable_run::effect_outcome work(const remote::AgentBrief& brief,
                                   const std::string& shown_as) {
    briefs.push_back(brief);
    if (failing_agents.count(brief.name()) != 0)
      return {fail(errc::failed, brief.name() + " broke"), {}, {}, 0};
    remote::AgentReport report;
    report.set_name(shown_as.empty() ? brief.name() : shown_as);
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
    begin(mode);
    world->settle();
  }

  void begin(const std::string& mode = {}) {
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
    input.set_session("talk");
    input.set_tenant("t");
    input.set_user("u");
    input.set_names_session(names_session);
    world->begin(input.SerializeAsString());
  }

  /// What clients were told of the title.
  std::vector<std::string> titles() const {
    std::vector<std::string> all;
    for (std::size_t i = 1; i <= world->log.size(); ++i) {
      auto event = world->fact(i).event();
      if (event.type() == "LLM_OUTPUT" && event.agent_id() == "title_generator")
        all.push_back(event.message());
    }
    return all;
  }

  bool names_session = false;

  /// Who clients were told has done its part, last.
  std::string completed_agent() const {
    std::string name;
    for (std::size_t i = 1; i <= world->log.size(); ++i)
      if (auto event = world->fact(i).event();
          event.type() == "AGENT_COMPLETED")
        name = event.agent_id();
    return name;
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
  CHECK(w.team->shown == std::vector<std::string>{"simple-agent"});
  CHECK(w.completed_agent() == "simple-agent");
  CHECK(w.world->event_types()
        == std::vector<std::string>{"WORKFLOW_STARTED", "PROGRESS",
                                    "AGENT_COMPLETED", "LLM_OUTPUT",
                                    "WORKFLOW_COMPLETED", "STREAM_END"});
}

TEST_CASE("an agent that an earlier build began is told of by its own name") {
  team_world w;
  w.team->renames = false;
  w.run("simple");
  CHECK(w.completed_agent() == "agent-1");
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
  CHECK(w.team->shown == std::vector<std::string>(2));
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

TEST_CASE("a session without a title is given one by a small model") {
  team_world w;
  w.names_session = true;
  w.team->plan_text = two_parts;
  w.team->title = "\n \"Finding A and B\"\nand more";
  w.run();
  CHECK(w.answer() == "joined");
  CHECK(w.titles() == std::vector<std::string>{"Finding A and B"});
  REQUIRE(w.team->titles_asked.size() == 1);
  const auto& asked = w.team->titles_asked[0];
  CHECK(asked.tier() == "small");
  CHECK(asked.temperature() == Approx(0.3));
  CHECK(asked.messages(1).text() == "do it");
  REQUIRE(w.team->names.size() == 1);
  const auto& wish = w.team->names[0];
  CHECK(wish.tenant() + "/" + wish.user() + "/" + wish.session() == "t/u/talk");
  CHECK(wish.title() == "Finding A and B");
  // What it cost is the task's.
  CHECK(w.world->run->usage().input_tokens() == 300);
}

TEST_CASE("who was given a title meanwhile keeps it, and nobody is told") {
  team_world w;
  w.names_session = true;
  w.team->title = "Late";
  w.team->has_title = true;
  w.run();
  CHECK(w.answer() == "by agent-1");
  CHECK(w.team->names.size() == 1);
  CHECK(w.titles().empty());
}

TEST_CASE("a title that cannot be had is no concern of the task's") {
  team_world w;
  w.names_session = true;
  w.run();
  CHECK(w.answer() == "by agent-1");
  CHECK(w.team->titles_asked.size() == 1);
  CHECK(w.team->names.empty());
  CHECK(w.titles().empty());

  team_world empty;
  empty.names_session = true;
  empty.team->title = " \n";
  empty.run();
  CHECK(empty.answer() == "by agent-1");
  CHECK(empty.team->names.empty());
}

TEST_CASE("no answer waits for a title: one that comes later is given up") {
  team_world w;
  w.names_session = true;
  w.team->title = "Never";
  w.begin();
  auto begun = w.world->now_us;
  w.world->hangs = [](const auto& start) { return start.key == "title/ask#1"; };
  w.world->settle();
  CHECK(w.answer() == "by agent-1");
  CHECK(w.world->now_us - begun < 1'000'000);
  CHECK(w.world->stopped.count("title/ask#1") == 1);
  CHECK(w.titles().empty());
}

TEST_CASE("a title takes no longer than it may") {
  team_world w;
  w.names_session = true;
  w.team->title = "Never";
  w.begin();
  auto begun = w.world->now_us;
  w.world->hangs = [](const auto& start) {
    return start.key == "title/ask#1" || start.effect == "agent";
  };
  w.world->settle();
  CHECK_FALSE(w.world->run->ended());
  CHECK(w.world->stopped.count("title/ask#1") == 1);
  CHECK(w.world->now_us - begun >= 15'000'000);
}

TEST_CASE("a task that gives its session a title comes back from any fact") {
  team_world whole;
  whole.names_session = true;
  whole.team->title = "Finding A";
  whole.run();
  const auto facts = whole.world->log.size();
  for (std::size_t after = 1; after < facts; ++after) {
    team_world w;
    w.names_session = true;
    w.team->title = "Finding A";
    w.begin();
    while (w.world->log.size() < after && w.world->step()) {
    }
    w.world->crash();
    REQUIRE_FALSE(w.world->replay_failed);
    w.world->settle();
    CHECK(w.answer() == "by agent-1");
    CHECK(w.titles() == std::vector<std::string>{"Finding A"});
  }
}

TEST_CASE("a title is one line of at most 60 characters") {
  CHECK(title_in("Plain Words") == "Plain Words");
  CHECK(title_in("«Größe der Fläche»\n") == "Größe der Fläche");
  CHECK(title_in("**Bold**") == "Bold");
  CHECK(title_in("a\tb\x1b[2Jc") == "a b [2Jc");
  CHECK(title_in("") == "");
  CHECK(title_in("\"\"") == "");
  std::string sixty;
  for (int i = 0; i < 60; ++i)
    sixty += "ü";
  CHECK(title_in(sixty) == sixty);
  CHECK(title_in(sixty + "x") == sixty.substr(0, 59 * 2) + "…");
}

namespace {

/// A scheduled task for its user's own machine.
run_driver task_for_daemon(bool is_connected) {
  run_driver world{
      [](context ctx, std::string input) {
        return run_task(std::move(ctx), std::move(input), {});
      },
      [is_connected](const durable_run::effect_start& start)
          -> durable_run::effect_outcome {
        CHECK(start.effect == "daemon");
        if (!is_connected)
          return {fail(errc::not_found, "no daemon connected"), {}, {}, 0};
        remote::SentToDaemons sent;
        sent.set_daemons(1);
        sent.set_reply_wait_ms(600'000);
        return {sent.SerializeAsString(), {}, {}, 0};
      },
      {.ends_stream = true}};
  remote::TaskInput input;
  input.set_query("feed the cat");
  input.set_context_json(R"({"execution_target":"daemon"})");
  world.begin(input.SerializeAsString());
  return world;
}

} // namespace

TEST_CASE("a task for a daemon is sent to one, and answers with its reply") {
  auto world = task_for_daemon(true);
  while (world.started.count("daemon#1") == 0 && world.step()) {
  }
  world.step();
  world.step();
  world.crash(); // It waits as a row.
  REQUIRE_FALSE(world.replay_failed);
  world.run->signal("daemon-reply-v1", "reply", R"({"text":"fed"})",
                    world.now_us);
  world.settle();
  REQUIRE(world.run->ended());
  CHECK(world.started["daemon#1"] == 1);
  remote::AgentReport report;
  report.ParseFromString(world.run->output());
  CHECK(report.text() == "fed");
  auto types = world.event_types();
  CHECK(std::count(types.begin(), types.end(), "LLM_OUTPUT") == 1);
}

TEST_CASE("a task for a daemon fails if none is connected, or none replies") {
  auto nobody = task_for_daemon(false);
  nobody.settle();
  REQUIRE(nobody.run->ended());
  CHECK(nobody.status == store::log_status::failed);
  CHECK(nobody.run->failure().text == "no daemon connected");

  auto silent = task_for_daemon(true);
  auto begun = silent.now_us;
  silent.settle();
  REQUIRE(silent.run->ended());
  CHECK(silent.run->failure().code == errc::timeout);
  CHECK(silent.now_us - begun >= 600'000'000);
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
