#include "actors/agent/agent_loop.hpp"
#include "actors/agent/browser_calls.hpp"
#include "tests/kit/run_driver.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <deque>
#include <utility>

using namespace shannon;
using namespace shannon::agent;
using workflow::durable_run;
using workflow::run_driver;

namespace {

/// A model that asks for one browser action a turn, and a node with browsers
/// that may be gone.
struct browser_script {
  std::vector<std::string> actions;
  std::vector<remote::BrowserRequest> requests;
  std::vector<std::string> told; ///< Tool results as the model was told them.
  int listed = 0;
  /// In this order: the next such action is refused with this. Without an
  /// action: what only opens the session.
  std::deque<std::pair<std::string, error>> refusals;
  std::string holder = "node-a";

  durable_run::effect_outcome
  operator()(const durable_run::effect_start& start) {
    durable_run::effect_outcome out;
    if (start.effect == "tools") {
      ++listed;
      CHECK(dynamic_cast<const remote::ListTools&>(*start.input).role()
            == "browser");
      remote::ToolList all;
      for (const char* name : {"browser_click", "browser_observe"})
        all.add_tools()->set_name(name);
      out.output = all.SerializeAsString();
      return out;
    }
    if (start.effect == "browser")
      return act(dynamic_cast<const remote::BrowserRequest&>(*start.input));
    const auto& request = dynamic_cast<const remote::LlmRequest&>(*start.input);
    std::size_t turn = 0;
    told.clear();
    for (const auto& message : request.messages()) {
      turn += message.role() == remote::ChatMessage::ASSISTANT;
      if (message.role() == remote::ChatMessage::TOOL)
        told.push_back(message.text());
    }
    remote::LlmResponse answer;
    if (turn < actions.size()) {
      auto& call = *answer.mutable_message()->add_tool_calls();
      call.set_name(actions[turn]);
      call.set_arguments_json("{}");
    } else {
      answer.mutable_message()->set_text("seen");
    }
    out.output = answer.SerializeAsString();
    return out;
  }

  durable_run::effect_outcome act(const remote::BrowserRequest& request) {
    requests.push_back(request);
    durable_run::effect_outcome out;
    if (!refusals.empty() && request.action() == refusals.front().first) {
      out.output = tl::unexpected<error>(refusals.front().second);
      refusals.pop_front();
      holder = "node-b";
      return out;
    }
    remote::BrowserResult got;
    got.mutable_result()->set_success(true);
    got.mutable_result()->set_output("did " + request.action());
    got.set_holder(holder);
    got.set_state(R"({"url":"http://a/)" + std::to_string(requests.size())
                  + "\"}");
    out.output = got.SerializeAsString();
    return out;
  }

  std::vector<std::string> asked() const {
    std::vector<std::string> out;
    for (const auto& one : requests)
      out.push_back(one.action() + "@" + one.holder());
    return out;
  }
};

std::string brief_bytes() {
  remote::AgentBrief brief;
  brief.set_name("agent-1");
  brief.set_task("look");
  brief.add_tools("browser_*");
  return brief.SerializeAsString();
}

workflow::program loop() {
  return [](workflow::context ctx, std::string input) {
    return run_agent(std::move(ctx), std::move(input), {});
  };
}

error gone() {
  return {errc::not_found, "gone", false, {}};
}

using words = std::vector<std::string>;

} // namespace

TEST_CASE("an agent with a browser lists its tools alone, and closes it") {
  auto script = std::make_shared<browser_script>();
  script->actions = {"browser_observe", "browser_click"};
  run_driver world{loop(), [script](auto& start) { return (*script)(start); }};
  world.begin(brief_bytes());
  world.settle();
  CHECK(world.run->status() == store::log_status::completed);
  CHECK(script->listed == 1);
  CHECK(script->asked()
        == words{"@", "browser_observe@node-a", "browser_click@node-a",
                 "browser_close@node-a"});
  CHECK(script->told == words{"did browser_observe", "did browser_click"});
}

TEST_CASE("without browser tools nothing is asked of a browser") {
  remote::AgentBrief brief;
  CHECK_FALSE(wants_browser(brief));
  brief.add_tools("web_fetch");
  CHECK_FALSE(wants_browser(brief));
  brief.add_tools("browser_click");
  CHECK(wants_browser(brief));
  CHECK(is_browser_tool("browser"));
  CHECK_FALSE(is_browser_tool("browse"));
}

TEST_CASE("a lost session is opened from its last state, its action is not "
          "repeated") {
  auto script = std::make_shared<browser_script>();
  script->actions = {"browser_observe", "browser_click", "browser_observe"};
  script->refusals = {{"browser_click", gone()}};
  run_driver world{loop(), [script](auto& start) { return (*script)(start); }};
  world.begin(brief_bytes());
  world.settle();
  CHECK(world.run->status() == store::log_status::completed);
  CHECK(script->asked()
        == words{"@", "browser_observe@node-a", "browser_click@node-a", "@",
                 "browser_observe@node-b", "browser_close@node-b"});
  CHECK(script->requests[3].state() == R"({"url":"http://a/2"})");
  REQUIRE(script->told.size() == 3);
  CHECK(script->told[1].find("lost while browser_click") != std::string::npos);
  CHECK(script->told[1].find("http://a/4") != std::string::npos);
}

TEST_CASE("opening a session is tried again wherever there is room, its first "
          "action only where it is") {
  auto script = std::make_shared<browser_script>();
  script->actions = {"browser_click"};
  error away{errc::unavailable, "the link is down", true, {}};
  script->refusals = {{"", away}, {"browser_click", away}};
  run_driver world{loop(), [script](auto& start) { return (*script)(start); }};
  world.begin(brief_bytes());
  world.settle();
  CHECK(world.run->status() == store::log_status::completed);
  // Whoever holds it knows the step, and answers without making it again.
  CHECK(script->asked()
        == words{"@", "@", "browser_click@node-b", "browser_click@node-b",
                 "browser_close@node-b"});
}

TEST_CASE("a tenant that has as many sessions as it may waits for one of them, "
          "and uses up no attempt") {
  auto script = std::make_shared<browser_script>();
  script->actions = {"browser_observe"};
  error full{errc::overloaded, "as many as it may", true,
             std::chrono::seconds{2}};
  for (int i = 0; i < 20; ++i)
    script->refusals.emplace_back("", full);
  run_driver world{loop(), [script](auto& start) { return (*script)(start); }};
  world.begin(brief_bytes());
  auto since = world.now_us;
  world.settle();
  CHECK(world.run->status() == store::log_status::completed);
  CHECK(script->told == words{"did browser_observe"});
  // It looks every few seconds, however long it takes.
  CHECK(world.now_us - since <= 20 * 5'500'000);
}

TEST_CASE("after a session could not be opened again, the next action opens it "
          "by a step of its own") {
  auto script = std::make_shared<browser_script>();
  script->actions = {"browser_observe", "browser_click", "browser_click"};
  script->refusals = {{"browser_click", gone()},
                      {"", {errc::failed, "no Chromium", false, {}}}};
  run_driver world{loop(), [script](auto& start) { return (*script)(start); }};
  world.begin(brief_bytes());
  world.settle();
  CHECK(script->asked()
        == words{"@", "browser_observe@node-a", "browser_click@node-a", "@",
                 "@", "browser_click@node-b", "browser_close@node-b"});
  CHECK(script->requests[4].state() == R"({"url":"http://a/2"})");
  REQUIRE(script->told.size() == 3);
  CHECK(script->told[1].find("could not be opened again: no Chromium")
        != std::string::npos);
  CHECK(script->told[2] == "did browser_click");
}

TEST_CASE("a model is told when no session can be opened") {
  auto script = std::make_shared<browser_script>();
  script->actions = {"browser_observe"};
  script->refusals = {{"", {errc::failed, "no Chromium", false, {}}}};
  run_driver world{loop(), [script](auto& start) { return (*script)(start); }};
  world.begin(brief_bytes());
  world.settle();
  CHECK(world.run->status() == store::log_status::completed);
  REQUIRE(script->told.size() == 1);
  CHECK(script->told[0].find("could not be opened: no Chromium")
        != std::string::npos);
}

TEST_CASE("a crash of the agent repeats no browser action, wherever it is") {
  for (int crash_at = 2; crash_at < 30; ++crash_at) {
    auto script = std::make_shared<browser_script>();
    script->actions = {"browser_observe", "browser_click"};
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
    CHECK_FALSE(world.replay_failed);
    CHECK(world.run->status() == store::log_status::completed);
    for (const auto& key : recorded)
      CHECK(world.started[key] == before[key]);
    CHECK(script->requests.back().action() == "browser_close");
  }
}

TEST_CASE("a cancelled agent closes its session") {
  auto script = std::make_shared<browser_script>();
  script->actions = {"browser_observe", "browser_click"};
  run_driver world{loop(), [script](auto& start) { return (*script)(start); }};
  world.hangs = [](const auto& start) {
    const auto* request
        = dynamic_cast<const remote::BrowserRequest*>(start.input.get());
    return request && request->action() == "browser_click";
  };
  world.begin(brief_bytes());
  world.settle();
  REQUIRE(script->asked() == words{"@", "browser_observe@node-a"});
  world.run->cancel("enough", "user", world.now_us);
  world.settle();
  CHECK(world.run->status() == store::log_status::cancelled);
  CHECK(script->asked()
        == words{"@", "browser_observe@node-a", "browser_close@node-a"});
}

TEST_CASE("an agent that is cancelled before it has heard of its session "
          "closes it wherever it is") {
  auto script = std::make_shared<browser_script>();
  script->actions = {"browser_click"};
  run_driver world{loop(), [script](auto& start) { return (*script)(start); }};
  world.hangs = [](const auto& start) {
    const auto* request
        = dynamic_cast<const remote::BrowserRequest*>(start.input.get());
    return request && request->action().empty();
  };
  world.begin(brief_bytes());
  world.settle();
  REQUIRE(script->asked().empty());
  world.run->cancel("enough", "user", world.now_us);
  world.settle();
  CHECK(world.run->status() == store::log_status::cancelled);
  CHECK(script->asked() == words{"browser_close@"});
}
