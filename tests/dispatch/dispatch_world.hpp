#pragma once

#include "actors/dispatch/dispatcher.hpp"
#include "actors/dispatch/grantor.hpp"
#include "metrics/registry.hpp"
#include "protocols/cluster.hpp"
#include "protocols/remote/browser.pb.h"
#include "protocols/remote/tool.pb.h"
#include "tests/dispatch/two_nodes.hpp"

#include <caf/scoped_actor.hpp>
#include <catch2/catch.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace shannon::dispatch {

using namespace std::chrono_literals;

/// Carries out what it is given when the test says so.
class fake_worker final : public kit::actor_base {
public:
  struct control {
    std::vector<envelope> taken;
    std::vector<std::string> cancelled;
    std::vector<std::string> closed;
    std::function<void(std::size_t)> answer;
    std::function<void(std::size_t, error)> refuse;
  };

  fake_worker(caf::actor_config& cfg, kit::actor_env& shared, control& what)
      : actor_base(cfg, shared, {"tool/worker"}), control_(what) {
    control_.answer = [this](std::size_t i) {
      remote::ToolResult done;
      done.set_success(true);
      reply(control_.taken.at(i), std::move(done));
    };
    control_.refuse = [this](std::size_t i, error why) {
      refuse(control_.taken.at(i), std::move(why));
    };
  }

protected:
  kit::handlers make_handlers() override {
    return {
        kit::on<remote::ToolRun>(
            [this](auto& mail, auto&) { control_.taken.push_back(mail); }),
        kit::on<remote::BrowserRun>(
            [this](auto& mail, auto&) { control_.taken.push_back(mail); }),
        kit::on<remote::CancelEffect>([this](auto&, auto& m) {
          control_.cancelled.push_back(m.attempt_key());
        }),
        kit::on<remote::BrowserClose>(
            [this](auto&, auto& m) { control_.closed.push_back(m.session()); }),
        kit::on<remote::ListTools>(
            [this](auto& mail, auto&) { reply(mail, remote::ToolList{}); }),
    };
  }

private:
  control& control_;
};

/// Outlives the actors.
struct seen {
  metrics::registry registry;
  metrics::dispatch_metrics metrics{registry};
  fake_worker::control near, far;
  std::vector<std::optional<result<remote::ToolResult>>> answers;
  std::optional<result<remote::ToolList>> listed;
  std::optional<result<remote::BrowserResult>> closed;
};

/// A dispatcher on the first node; workers and grants where a test wants them.
struct world : seen, test::two_nodes {
  explicit world(effect_queue::limits limits = {}) {
    host([this, limits](auto& parent) {
      dispatcher_args args{env, "tool", metrics};
      args.limits = limits;
      return spawn_dispatcher(parent, args);
    });
  }

  template <class Start>
  caf::actor host(Start start) {
    caf::scoped_actor parent{system};
    auto made = start(*parent.ptr());
    keep(made);
    run();
    return made;
  }

  void worker_here(std::uint64_t capacity) {
    keep(system.spawn<fake_worker>(env, near));
    host([&](auto& parent) {
      return spawn_grantor(parent, {env, "tool", capacity});
    });
  }
  void worker_there(std::uint64_t capacity) {
    keep(system.spawn<fake_worker>(second_env, far));
    host([&](auto& parent) {
      return spawn_grantor(parent, {second_env, "tool", capacity});
    });
  }

  /// What SHARD OWNER says each second.
  void tell_members(const std::vector<std::string>& names) {
    cluster::members_changed msg{node_id{"n1#1"}, {}};
    for (const auto& name : names) {
      cluster::member one;
      one.id = node_id{name};
      one.roles = {"tool"};
      msg.members.push_back(one);
    }
    tell("tool", std::move(msg));
    run();
  }

  void tell(const std::string& to, message_body body) {
    auto mail = std::make_shared<envelope>();
    mail->to = {to};
    mail->body = std::move(body);
    REQUIRE(addresses.deliver(mail));
  }

  static std::string key(std::size_t i) {
    return "task/tool#" + std::to_string(i) + "/1";
  }

  /// The place of its answer.
  template <class Effect>
  std::size_t ask_for(const Effect& what, std::chrono::milliseconds timeout) {
    auto i = answers.size();
    answers.emplace_back();
    keep(system.spawn<kit::actor_fixture::asker>(
        env, "asker/" + std::to_string(i),
        [this, i, what, timeout](auto& self) {
          self.template ask<remote::ToolResult>(
              {"tool"}, what, timeout,
              [this, i](result<remote::ToolResult> got) { answers[i] = got; });
        }));
    run();
    return i;
  }

  /// The same of an action in the browser of `holder`, or of a new one.
  std::size_t ask_browser(const std::string& holder,
                          const std::string& tenant = "",
                          std::chrono::milliseconds timeout = 60s) {
    remote::BrowserRun what;
    what.mutable_context()->set_attempt_key(key(answers.size()));
    what.mutable_context()->set_tenant(tenant);
    what.mutable_request()->set_holder(holder);
    return ask_for(what, timeout);
  }

  /// The place of its answer.
  std::size_t ask(std::chrono::milliseconds timeout = 60s) {
    remote::ToolRun what;
    what.mutable_context()->set_attempt_key(key(answers.size()));
    return ask_for(what, timeout);
  }

  /// In a session that a client named. The place of its answer.
  std::size_t ask_named(const std::string& session, const std::string& holder) {
    remote::BrowserRun what;
    what.mutable_context()->set_attempt_key(key(answers.size()));
    what.mutable_request()->set_session(session);
    what.mutable_request()->set_holder(holder);
    what.mutable_request()->set_action("browser_click");
    return ask_for(what, 60s);
  }

  /// The session of `run-1`. The answer comes into `closed`.
  void ask_to_close(const std::string& holder) {
    remote::BrowserRun what;
    what.mutable_context()->set_attempt_key("run-1/close/1");
    what.mutable_context()->set_log("run-1");
    what.mutable_request()->set_action("browser_close");
    what.mutable_request()->set_holder(holder);
    keep(system.spawn<kit::actor_fixture::asker>(
        env, "asker/close", [this, what](auto& self) {
          self.template ask<remote::BrowserResult>(
              {"tool"}, what, 60s, [this](result<remote::BrowserResult> got) {
                closed = std::move(got);
              });
        }));
    run();
  }

  /// The second node's grants; true once they are drained.
  std::shared_ptr<bool> drain_there() {
    auto drained = std::make_shared<bool>(false);
    keep(system.spawn<kit::actor_fixture::asker>(
        second_env, "drainer", [drained](auto& self) {
          self.template ask<cluster::drained>(
              {"grants/tool"}, cluster::drain{}, 60s,
              [drained](const result<cluster::drained>& got) {
                *drained = got.has_value();
              });
        }));
    run();
    return drained;
  }

  /// What the tools are. The answer comes into `listed`.
  void ask_list() {
    keep(system.spawn<kit::actor_fixture::asker>(
        env, "asker/list", [this](auto& self) {
          self.template ask<remote::ToolList>(
              {"tool"}, remote::ListTools{}, 60s,
              [this](result<remote::ToolList> got) { listed = got; });
        }));
    run();
  }
};

} // namespace shannon::dispatch
