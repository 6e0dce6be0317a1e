#pragma once

#include "actors/agent/agent.hpp"
#include "actors/workflow/workflow.hpp"
#include "metrics/registry.hpp"
#include "protocols/remote/agent.pb.h"
#include "protocols/remote/tool.pb.h"
#include "protocols/remote/workflow.pb.h"
#include "tests/kit/actor_fixture.hpp"
#include "tests/kit/memory_store.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// WORKFLOW and AGENT over a store in memory, on one thread with virtual time.
namespace shannon::test {

using namespace std::chrono_literals;

/// LLM ROUTER and TOOL RUNNER in one: `turns` rounds of one tool call each.
struct far_side {
  int turns = 2;
  bool answers = true;
  int fails_at_turn = -1; ///< Of an agent: its model says no for good.
  std::chrono::milliseconds takes{0};
  std::map<std::string, int> calls;      ///< By attempt key.
  std::map<std::string, int> priorities; ///< Of these calls.
  std::vector<std::string> cancelled;
  std::vector<remote::LlmRequest> asked;
};

class fake_llm final : public kit::actor_base {
public:
  fake_llm(caf::actor_config& cfg, kit::actor_env& shared, far_side& far)
      : actor_base(cfg, shared, {"llm"}), far_(far) {}

protected:
  kit::handlers make_handlers() override {
    return {
        kit::on<remote::LlmCall>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<remote::CancelEffect>([this](auto&, auto& m) {
          far_.cancelled.push_back(m.attempt_key());
        }),
    };
  }

private:
  void on(const envelope& mail, const remote::LlmCall& m) {
    ++far_.calls[m.context().attempt_key()];
    ++far_.priorities[m.context().priority()];
    far_.asked.push_back(m.request());
    if (!far_.answers)
      return;
    remote::LlmDelta delta;
    delta.set_text("…");
    tell({m.context().reply_deltas_to()}, std::move(delta));
    int turn = 0;
    for (const auto& message : m.request().messages())
      turn += message.role() == remote::ChatMessage::ASSISTANT;
    if (m.request().purpose() == "agent" && turn == far_.fails_at_turn)
      return refuse(mail, {errc::denied, "the model says no", false, {}});
    remote::LlmResponse answer;
    answer.set_model("fake-1");
    answer.set_provider("fake");
    answer.mutable_usage()->set_input_tokens(10);
    answer.mutable_usage()->set_output_tokens(5);
    if (m.request().purpose() == "agent" && turn < far_.turns) {
      auto& call = *answer.mutable_message()->add_tool_calls();
      call.set_name("calculator");
      call.set_arguments_json("{}");
    } else {
      answer.mutable_message()->set_text("the answer");
    }
    after(far_.takes, [this, mail, answer] { reply(mail, answer); });
  }

  far_side& far_;
};

class fake_tools final : public kit::actor_base {
public:
  fake_tools(caf::actor_config& cfg, kit::actor_env& shared, far_side& far)
      : actor_base(cfg, shared, {"tool"}), far_(far) {}

protected:
  kit::handlers make_handlers() override {
    return {
        kit::on<remote::ToolRun>([this](auto& mail, auto& m) {
          ++far_.calls[m.context().attempt_key()];
          remote::ToolResult result;
          result.set_success(true);
          result.set_output("4");
          reply(mail, std::move(result));
        }),
        kit::on<remote::ListTools>([this](auto& mail, auto&) {
          remote::ToolList tools;
          tools.add_tools()->set_name("calculator");
          reply(mail, std::move(tools));
        }),
    };
  }

private:
  far_side& far_;
};

/// A gateway that remembers what it was told.
class listener final : public kit::actor_base {
public:
  struct heard {
    std::vector<std::int64_t> versions;
    std::vector<std::string> types;
    int deltas = 0;
  };

  listener(caf::actor_config& cfg, kit::actor_env& shared, std::string task,
           heard& into)
      : actor_base(cfg, shared, {"listener"}), task_(std::move(task)),
        heard_(into) {}

protected:
  kit::handlers make_handlers() override {
    return {
        kit::on<remote::RunEvent>([this](auto&, auto& m) {
          heard_.versions.push_back(m.version());
          heard_.types.push_back(m.event().type());
        }),
        kit::on<remote::RunDelta>([this](auto&, auto&) { ++heard_.deltas; }),
    };
  }
  void started() override {
    remote::Subscribe wish;
    wish.set_task(task_);
    ask<remote::Subscribed>({"workflow/" + task_}, std::move(wish), 1000ms,
                            [](const result<remote::Subscribed>&) {});
  }

private:
  std::string task_;
  heard& heard_;
};

struct workflow_world : kit::actor_fixture {
  kit::memory_tables tables;
  far_side far;
  metrics::registry registry;
  metrics::run_metrics workflow_counts{registry, "workflow"};
  metrics::run_metrics agent_counts{registry, "agent"};
  config::run_settings settings;
  workflow::programs more;
  std::shared_ptr<workflow::intake> door;

  std::chrono::system_clock::time_point virtual_now() {
    return std::chrono::system_clock::time_point{1'000'000s}
           + std::chrono::duration_cast<std::chrono::microseconds>(
               system.clock().now().time_since_epoch());
  }

  workflow_world() {
    env.now = [this] { return virtual_now(); };
    tables.now = [this] { return virtual_now(); };
    spawn<kit::memory_store>(env, tables);
    spawn<fake_llm>(env, far);
    spawn<fake_tools>(env, far);
    start_node();
  }

  /// The counters go before the actor system does.
  ~workflow_world() {
    kill_node();
    advance(100ms);
  }

  class root final : public caf::event_based_actor {
  public:
    root(caf::actor_config& cfg, std::function<void(root&)> begin)
        : event_based_actor(cfg) {
      begin(*this);
    }
    caf::behavior make_behavior() override {
      return {[](int) {}};
    }
  };

  void start_node() {
    spawn<root>([this](root& parent) {
      keep_children
          = {workflow::spawn_workflows(
                 parent,
                 {env, settings, {}, workflow_counts, more, "workflow", door}),
             agent::spawn_agents(parent, {env, settings, {}, agent_counts})};
    });
  }

  void restart_node() {
    kill_node();
    start_node();
    run();
  }

  /// Everything of the node is gone, the tables stay.
  void kill_node() {
    for (auto& child : keep_children)
      caf::anon_send_exit(child, caf::exit_reason::kill);
    kill_entities();
    keep_children.clear();
    run();
  }

  void kill_entities() {
    for (const auto& [id, rows] : tables.logs)
      kill(rows.head.birth.kind + "/" + id.value);
  }

  /// A bug ends one actor. False if it was not there.
  bool kill(const std::string& where) {
    auto who = addresses.find({where});
    auto kind = addresses.find({std::string{shannon::address{where}.kind()}});
    if (!who || who == kind)
      return false;
    caf::anon_send_exit(who, caf::exit_reason::unhandled_exception);
    return true;
  }

  /// What the INSPECTOR would read of it.
  std::uint64_t failures_shown(const std::string& where) {
    auto who = addresses.find({where});
    auto* actor = caf::actor_cast<caf::abstract_actor*>(who);
    const auto* known = dynamic_cast<const kit::actor_base*>(actor);
    return known ? known->came_back().restarts : 0;
  }

  result<remote::TaskAccepted> submit(const std::string& task,
                                      const std::string& mode = "simple",
                                      const std::string& priority = {}) {
    remote::StartTask start;
    start.set_task(task);
    start.mutable_input()->set_query("what is it?");
    start.mutable_input()->set_mode(mode);
    start.mutable_input()->set_priority(priority);
    return submit(std::move(start));
  }

  result<remote::TaskAccepted> submit(remote::StartTask start) {
    auto task = start.task();
    auto got
        = ask_all<remote::TaskAccepted>("workflow/" + task, std::move(start));
    REQUIRE(got.size() == 1);
    return got.front();
  }

  store::log_status status(const std::string& task) {
    return tables.logs[log_id{task}].head.status;
  }

  facts::Summary summary(const std::string& task) {
    facts::Summary all;
    all.ParseFromString(tables.logs[log_id{task}].head.summary);
    return all;
  }

  void check_gapless() {
    for (auto& [id, rows] : tables.logs)
      for (std::size_t i = 0; i < rows.facts.size(); ++i)
        CHECK(rows.facts[i].version == static_cast<std::int64_t>(i + 1));
  }

  std::vector<caf::actor> keep_children;
};

} // namespace shannon::test
