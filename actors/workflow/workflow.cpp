#include "actors/workflow/workflow.hpp"

#include "actors/kit/log.hpp"
#include "actors/workflow/durable_actor.hpp"
#include "actors/workflow/engine/text.hpp"
#include "actors/workflow/strategies/task.hpp"
#include "protocols/remote/agent.pb.h"
#include "protocols/remote/workflow.pb.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace shannon::workflow {

namespace {

using namespace std::chrono_literals;

/// Streams of one run on this node; more are refused `overloaded`.
constexpr std::size_t subscribers_max = 1'000;
constexpr std::size_t summary_query_max = 2'000;
/// Mail that waits until what it asks for is on disk.
constexpr std::size_t kept_mail_max = 1'000;
/// A WORKFLOW asks its AGENT to start this often until it is acknowledged.
constexpr auto start_agent_timeout = 10s;

class workflow final : public durable_actor {
public:
  workflow(caf::actor_config& cfg, const workflow_args& args, activation what)
      : durable_actor(cfg, args.env, std::move(what),
                      {args.settings, args.llm, args.metrics},
                      program_of(args.settings), options_of(args.settings)) {
    task_ = log().value;
    deltas_to_ = self_address().value;
  }

  const char* name() const override {
    return "workflow";
  }

protected:
  kit::handlers role_handlers() override {
    using namespace remote;
    return {
        kit::on<StartTask>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<CancelTask>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<SignalTask>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<Subscribe>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<Unsubscribe>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<AgentProgress>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<AgentEnded>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<LlmDelta>([this](auto& mail, auto& m) { on(mail, m); }),
    };
  }

  bool born_from(const envelope& mail) override {
    const auto* start = mail.body.get_if<remote::StartTask>();
    if (!start)
      return false;
    input_ = start->input();
    // Limits of this run are what they were when it began.
    auto agents_max = with().settings.agents_max;
    input_.set_agents_max(input_.agents_max() == 0
                              ? agents_max
                              : std::min(input_.agents_max(), agents_max));
    facts::RunStarted begun;
    begun.set_kind("workflow");
    begun.set_strategy("task");
    begun.mutable_input()->set_inline_(input_.SerializeAsString());
    facts::Event event;
    event.set_type("WORKFLOW_STARTED");
    event.set_agent_id("orchestrator");
    event.set_message("Starting up");
    if (!input_.context_json().empty())
      event.set_payload_json("{\"task_context\":" + input_.context_json()
                             + "}");
    create({"workflow",
            {},
            tenant_id{input_.tenant()},
            user_id{input_.user()},
            session_id{input_.session()}},
           std::move(begun), std::move(event));
    started_at_us_ = now_us();
    starters_.push_back(mail);
    return true;
  }

  void recovered(bool created) override {
    for (auto& mail : std::exchange(starters_, {}))
      accept(mail, !created);
  }

  void stored(log_version version, const facts::Fact& fact) override {
    if (fact.has_run_started()) {
      with().metrics.run_accepted();
      kit::log::info("run-accepted", "WORKFLOW has stored its task",
                     {{"task", log().value}});
    }
    remote::RunEvent news;
    news.set_task(log().value);
    news.set_version(version);
    news.set_at_us(fact.at_us());
    *news.mutable_event() = fact.event();
    news.set_last(fact.has_stream_ended());
    tell_subscribers(message_body{std::move(news)});
    if (fact.has_child_progressed())
      acknowledge(fact.child_progressed());
    if (fact.has_signal_received())
      acknowledge(fact.signal_received());
    if (fact.has_cancel_requested())
      for (auto& mail : std::exchange(cancellers_, {}))
        acknowledge_cancel(mail);
    if (fact.has_stream_ended())
      ended();
  }

  std::optional<std::string>
  summary(const std::vector<facts::Fact>& facts) override {
    bool wanted = false;
    for (const auto& fact : facts)
      wanted = wanted || fact.has_run_started() || fact.has_run_completed()
               || fact.has_run_failed() || fact.has_run_cancelled()
               || fact.has_run_parked();
    if (!wanted)
      return std::nullopt;
    return summarize(facts).SerializeAsString();
  }

  // -- effects: agents --------------------------------------------------------

  void start_effect(const durable_run::effect_start& what) override {
    const auto& brief = dynamic_cast<const remote::AgentBrief&>(*what.input);
    auto agent = log().value + "/" + brief.name();
    agents_[agent] = {what.key, what.attempt, now_us()};
    remote::StartAgent start;
    *start.mutable_context() = effect_context(what.key, what.attempt);
    start.set_agent_log(agent);
    start.set_parent_log(log().value);
    *start.mutable_brief() = brief;
    start.set_user(birth().user.value);
    start_agent(agent, std::move(start));
  }

  void stop_effect(const durable_run::effect_stop& what) override {
    // An agent is a run of its own: while this one waits for a person it goes
    // on, and keeps its report.
    const auto* brief
        = dynamic_cast<const remote::AgentBrief*>(what.input.get());
    if (!brief || run().state() == durable_run::phase::parked)
      return;
    auto agent = log().value + "/" + brief->name();
    agents_.erase(agent); // It is not asked to start again.
    remote::CancelAgent stop;
    stop.set_agent_log(agent);
    stop.set_reason(run().failure().text);
    ask<remote::AgentAck>({"agent/" + agent}, std::move(stop), 10s,
                          [](const result<remote::AgentAck>&) {});
  }

  /// Each of these asks may be repeated without harm.
  void give_up_mail() override {
    for (const auto& mail : std::exchange(starters_, {}))
      hand_back(mail);
    for (const auto& mail : std::exchange(cancellers_, {}))
      hand_back(mail);
    for (const auto& [key, mails] : std::exchange(signalers_, {}))
      for (const auto& mail : mails)
        hand_back(mail);
    for (const auto& [key, mail] : std::exchange(unacknowledged_, {}))
      hand_back(mail);
  }

private:
  struct waiting_agent {
    std::string key;
    std::uint32_t attempt = 1;
    std::int64_t since_us = 0;
  };

  static program program_of(const config::run_settings& settings) {
    task_options options{settings.agents_max, settings.iterations_max};
    return [options](shannon::workflow::context ctx, std::string input) {
      return run_task(std::move(ctx), std::move(input), options);
    };
  }

  static run_options options_of(const config::run_settings& settings) {
    run_options options;
    options.step_attempts_max = settings.step_attempts_max;
    options.retry_backoff_min = settings.retry_backoff_min;
    options.retry_backoff_max = settings.retry_backoff_max;
    options.facts_max = settings.facts_max;
    options.inline_bytes_max = settings.inline_bytes_max;
    options.ends_stream = true;
    return options;
  }

  // -- handlers, in protocol order --------------------------------------------

  void on(const envelope& mail, const remote::StartTask&) {
    accept(mail, true);
  }

  void on(const envelope& mail, const remote::CancelTask& msg) {
    if (run().ended())
      return reply(mail, ack(false, "task has already ended"));
    if (cancellers_.size() >= kept_mail_max)
      return refuse(mail, too_much());
    if (run().cancel(msg.reason(), msg.by(), now_us())) {
      cancellers_.push_back(mail);
      return pump();
    }
    if (run().cancel_stored())
      return acknowledge_cancel(mail);
    // Its end or another cancel is on the way to disk.
    cancellers_.push_back(mail);
  }

  void on(const envelope& mail, const remote::SignalTask& msg) {
    if (signalers_.size() >= kept_mail_max)
      return refuse(mail, too_much());
    auto known = signalers_.find(msg.name() + "/" + msg.signal_id());
    if (known != signalers_.end()) {
      known->second.push_back(mail); // Its first copy is on its way to disk.
      return;
    }
    switch (
        run().signal(msg.name(), msg.signal_id(), msg.payload(), now_us())) {
    case durable_run::signal_outcome::ended:
      return refuse(mail, {errc::not_found, "the task has ended", false, {}});
    case durable_run::signal_outcome::repeated:
      return reply(mail, remote::SignalAck{}); // On disk already.
    case durable_run::signal_outcome::staged:
      break;
    }
    signalers_[msg.name() + "/" + msg.signal_id()].push_back(mail);
    pump();
  }

  void on(const envelope& mail, const remote::Subscribe&) {
    if (run().ended())
      return refuse(mail, {errc::not_found, "the task has ended", false, {}});
    if (subscribers_.size() >= subscribers_max
        && subscribers_.count(mail.from) == 0)
      return refuse(mail, {errc::overloaded, "too many streams of this task",
                           true, 1'000ms});
    subscribers_.insert(mail.from);
    remote::Subscribed answer;
    answer.set_version(run().stored_version());
    reply(mail, std::move(answer));
  }

  void on(const envelope& mail, const remote::Unsubscribe&) {
    subscribers_.erase(mail.from);
  }

  void on(const envelope& mail, const remote::AgentProgress& msg) {
    if (run().ended())
      return refuse(mail, {errc::not_found, "the task has ended", false, {}});
    auto on_disk = run().child_progressed(msg.agent_log(), msg.version(),
                                          msg.event(), now_us());
    if (on_disk >= msg.version())
      return reply(mail, agent_ack(msg.agent_log(), on_disk));
    // One before it was lost on its way: the agent tells them in order again.
    if (msg.version() > run().child_seen(msg.agent_log()) + 1)
      return refuse(mail, {errc::conflict, "a fact before this one is missing",
                           true, std::nullopt});
    unacknowledged_[{msg.agent_log(), msg.version()}] = mail;
    pump();
  }

  void on(const envelope& mail, const remote::AgentEnded& msg) {
    reply(mail, agent_ack(msg.agent_log(), 0));
    auto at = agents_.find(msg.agent_log());
    if (at == agents_.end())
      return;
    auto waits = at->second;
    agents_.erase(at);
    durable_run::effect_outcome outcome;
    if (msg.error_code().empty())
      outcome.output = msg.report().SerializeAsString();
    else
      outcome.output
          = fail(errc_from_string(msg.error_code()), msg.error_text());
    outcome.usage = msg.report().usage();
    outcome.models.assign(msg.report().models().begin(),
                          msg.report().models().end());
    effect_ended(waits.key, "agent", waits.attempt, waits.since_us,
                 std::move(outcome));
  }

  void on(const envelope&, const remote::LlmDelta& msg) {
    remote::RunDelta news;
    news.set_task(log().value);
    *news.mutable_delta() = msg;
    tell_subscribers(message_body{std::move(news)});
  }

  // -- pieces -----------------------------------------------------------------

  void accept(const envelope& mail, bool existed) {
    remote::TaskAccepted answer;
    answer.set_task(log().value);
    answer.set_existed(existed);
    reply(mail, std::move(answer));
  }

  void start_agent(const std::string& agent, remote::StartAgent start) {
    start.set_progress_after(run().child_version(agent));
    ask<remote::AgentAck>({"agent/" + agent}, start, start_agent_timeout,
                          [this, agent, start](result<remote::AgentAck> got) {
                            if (got || agents_.count(agent) == 0)
                              return;
                            if (!got.error().retryable)
                              return agent_refused(agent, got.error());
                            after(500ms, [this, agent, start] {
                              if (agents_.count(agent) != 0)
                                start_agent(agent, start);
                            });
                          });
  }

  void agent_refused(const std::string& agent, const error& why) {
    auto waits = agents_[agent];
    agents_.erase(agent);
    effect_ended(waits.key, "agent", waits.attempt, waits.since_us,
                 {tl::unexpected<error>(why), {}, {}, 0});
  }

  static remote::AgentAck agent_ack(const std::string& agent,
                                    std::int64_t version) {
    remote::AgentAck answer;
    answer.set_agent_log(agent);
    answer.set_version(version);
    return answer;
  }

  void acknowledge(const facts::ChildProgressed& fact) {
    auto at = unacknowledged_.find({fact.child(), fact.child_version()});
    if (at == unacknowledged_.end())
      return;
    reply(at->second, agent_ack(fact.child(), fact.child_version()));
    unacknowledged_.erase(at);
  }

  void acknowledge(const facts::SignalReceived& fact) {
    auto at = signalers_.find(fact.name() + "/" + fact.signal_id());
    if (at == signalers_.end())
      return;
    for (const auto& mail : at->second)
      reply(mail, remote::SignalAck{});
    signalers_.erase(at);
  }

  static error too_much() {
    return {errc::overloaded, "too much mail waits for this run", true,
            1'000ms};
  }

  static remote::CancelAck ack(bool success, std::string text) {
    remote::CancelAck answer;
    answer.set_success(success);
    answer.set_message(std::move(text));
    return answer;
  }

  void acknowledge_cancel(const envelope& mail) {
    reply(mail, ack(true, "Task cancelled successfully"));
  }

  void tell_subscribers(const message_body& news) {
    for (auto at = subscribers_.begin(); at != subscribers_.end();)
      at = tell(*at, news) ? std::next(at) : subscribers_.erase(at);
  }

  void ended() {
    for (auto& mail : std::exchange(cancellers_, {}))
      run().status() == store::log_status::cancelled
          ? acknowledge_cancel(mail)
          : reply(mail, ack(false, "task has already ended"));
    for (auto& [key, mail] : std::exchange(unacknowledged_, {}))
      refuse(mail, {errc::not_found, "the task has ended", false, {}});
    auto status = status_name();
    with().metrics.run_ended(status);
    kit::log::info("run-ended", "WORKFLOW has stored its end",
                   {{"task", log().value},
                    {"status", status},
                    {"facts", run().stored_version()}});
  }

  std::string status_name() {
    switch (run().status()) {
    case store::log_status::completed:
      return "completed";
    case store::log_status::cancelled:
      return "cancelled";
    case store::log_status::needs_operator:
      return "needs_operator";
    default:
      return "failed";
    }
  }

  facts::Summary summarize(const std::vector<facts::Fact>& facts) {
    if (input_.query().empty())
      input_.ParseFromString(run().input());
    facts::Summary all;
    all.set_query(cut(input_.query(), summary_query_max));
    all.set_mode(input_.mode());
    all.set_strategy("task");
    all.set_context_json(input_.context_json());
    all.set_started_at_us(started_at_us_ != 0 ? started_at_us_
                                              : run().started_at_us());
    *all.mutable_usage() = run().usage();
    for (const auto& use : run().models())
      *all.add_models() = use;
    for (const auto& fact : facts) {
      if (fact.has_run_completed()) {
        remote::AgentReport answer;
        answer.ParseFromString(run().output());
        all.set_result(answer.text());
        all.set_agents(answer.iterations());
        all.set_ended_at_us(fact.at_us());
      } else if (fact.has_run_failed()) {
        all.set_error(fact.run_failed().error_text());
        all.set_ended_at_us(fact.at_us());
      } else if (fact.has_run_cancelled()) {
        all.set_cancel_reason(fact.run_cancelled().reason());
        all.set_ended_at_us(fact.at_us());
      } else if (fact.has_run_parked()) {
        all.set_error(fact.run_parked().reason());
      }
    }
    return all;
  }

  remote::TaskInput input_;
  std::int64_t started_at_us_ = 0;
  std::vector<envelope> starters_;
  std::vector<envelope> cancellers_;
  /// Who waits until a signal is on disk, by `name/id`.
  std::map<std::string, std::vector<envelope>> signalers_;
  std::set<shannon::address> subscribers_;
  std::map<std::string, waiting_agent> agents_;
  std::map<std::pair<std::string, std::int64_t>, envelope> unacknowledged_;
};

} // namespace

caf::actor spawn_workflows(caf::local_actor& parent, workflow_args args) {
  return spawn_activator(
      parent, {args.env, "workflow",
               [](const envelope& mail) {
                 return mail.body.get_if<remote::StartTask>() != nullptr;
               },
               [args](caf::local_actor& owner, activation what) -> caf::actor {
                 return owner.spawn<workflow>(args, std::move(what));
               },
               args.metrics, args.settings.runs_max});
}

} // namespace shannon::workflow
