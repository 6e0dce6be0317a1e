#include "tests/bench/peer_runs.hpp"

#include "actors/workflow/engine/context.hpp"
#include "protocols/remote/workflow.pb.h"
#include "tests/bench/peer_programs.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace shannon::bench {

namespace {

class bench_run final : public workflow::durable_actor {
public:
  bench_run(caf::actor_config& cfg, kit::actor_env& shared,
            workflow::activation what, parts with)
      : durable_actor(cfg, shared, std::move(what), with, by_name,
                      workflow::run_options{}) {}

protected:
  kit::handlers role_handlers() override {
    return {kit::on<remote::StartRun>(
                [this](auto& mail, auto&) { accept(mail, true); }),
            kit::on<remote::SignalTask>(
                [this](auto& mail, auto& msg) { on(mail, msg); })};
  }

  bool born_from(const envelope& mail) override {
    const auto* start = mail.body.get_if<remote::StartRun>();
    if (!start)
      return false;
    tell_end_to_ = {start->tell_end_to()};
    starter_ = mail;
    facts::RunStarted begun;
    begun.set_kind("workflow");
    begun.set_strategy(start->program());
    begun.mutable_input()->set_inline_(start->program() + " " + start->input());
    facts::Event event;
    event.set_type("WORKFLOW_STARTED");
    create({"workflow", {}, tenant_id{start->tenant()}, {}, {}}, begun, event);
    return true;
  }

  void recovered(bool created) override {
    if (starter_)
      accept(*std::exchange(starter_, std::nullopt), !created);
  }

  void start_effect(const workflow::durable_run::effect_start&) override {}
  void stop_effect(const workflow::durable_run::effect_stop&) override {}

  void stored(log_version, const facts::Fact& fact) override {
    if (fact.has_signal_received()) {
      auto at = signalers_.find(fact.signal_received().signal_id());
      if (at != signalers_.end()) {
        for (const auto& mail : at->second)
          reply(mail, remote::SignalAck{});
        signalers_.erase(at);
      }
    }
    if (!fact.has_run_completed() || tell_end_to_.empty())
      return;
    remote::RunEnded news;
    news.set_run(log().value);
    news.set_output(run().output());
    tell(tell_end_to_, std::move(news));
  }

  std::optional<std::string> summary(const std::vector<facts::Fact>&) override {
    return std::nullopt;
  }

private:
  /// The input's first word names the program.
  static workflow::durable<std::string> by_name(workflow::context ctx,
                                                std::string input) {
    auto split = input.find(' ');
    auto code = program_named(input.substr(0, split));
    co_return co_await code(std::move(ctx), input.substr(split + 1));
  }

  void accept(const envelope& mail, bool existed) {
    remote::RunAccepted answer;
    answer.set_run(log().value);
    answer.set_existed(existed);
    reply(mail, std::move(answer));
  }

  void on(const envelope& mail, const remote::SignalTask& msg) {
    switch (
        run().signal(msg.name(), msg.signal_id(), msg.payload(), now_us())) {
    case workflow::durable_run::signal_outcome::ended:
      return refuse(mail, {errc::not_found, "the run has ended", false, {}});
    case workflow::durable_run::signal_outcome::repeated:
      return reply(mail, remote::SignalAck{});
    case workflow::durable_run::signal_outcome::staged:
      signalers_[msg.signal_id()].push_back(mail);
      return pump();
    }
  }

  shannon::address tell_end_to_;
  std::optional<envelope> starter_;
  std::map<std::string, std::vector<envelope>> signalers_;
};

} // namespace

caf::actor spawn_runs(caf::local_actor& parent, kit::actor_env& env,
                      workflow::durable_actor::parts with) {
  return workflow::spawn_activator(
      parent, {env, "workflow",
               [](const envelope& mail) {
                 return mail.body.get_if<remote::StartRun>() != nullptr;
               },
               [&env, with](caf::local_actor& owner,
                            workflow::activation what) -> caf::actor {
                 return owner.spawn<bench_run>(env, std::move(what), with);
               },
               with.metrics, with.settings.runs_max});
}

} // namespace shannon::bench
