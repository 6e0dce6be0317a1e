#include "actors/agent/agent.hpp"

#include "actors/agent/agent_loop.hpp"
#include "actors/workflow/durable_actor.hpp"
#include "actors/workflow/engine/text.hpp"
#include "protocols/facts/fact.hpp"
#include "protocols/remote/agent.pb.h"
#include "protocols/remote/workflow.pb.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace shannon::agent {

namespace {

using namespace std::chrono_literals;
using workflow::activation;
using workflow::durable_run;

constexpr auto parent_timeout = 10s;
constexpr auto parent_retry = 500ms;
/// Facts told to the parent and not acknowledged yet; the rest wait here.
constexpr std::int64_t unacknowledged_max = 256;

class agent final : public workflow::durable_actor {
public:
  agent(caf::actor_config& cfg, const agent_args& args, activation what)
      : durable_actor(cfg, args.env, std::move(what),
                      {args.settings, args.llm, args.metrics},
                      program_of(args.settings), options_of(args.settings)) {}

  const char* name() const override {
    return "agent";
  }

protected:
  kit::handlers role_handlers() override {
    using namespace remote;
    return {
        kit::on<StartAgent>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<CancelAgent>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<DescribeRun>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<ResumeRun>([this](auto& mail, auto& m) { on(mail, m); }),
    };
  }

  bool born_from(const envelope& mail) override {
    const auto* start = mail.body.get_if<remote::StartAgent>();
    if (!start)
      return false;
    take_names(start->parent_log(), start->brief().name());
    facts::RunStarted begun;
    begun.set_kind("agent");
    begun.set_strategy("loop");
    // Limits of this run are what they were when it began.
    auto brief = start->brief();
    auto iterations_max = with().settings.iterations_max;
    brief.set_iterations_max(
        brief.iterations_max() == 0
            ? iterations_max
            : std::min(brief.iterations_max(), iterations_max));
    brief.set_conversation_bytes_max(with().settings.conversation_bytes_max);
    begun.mutable_input()->set_inline_(brief.SerializeAsString());
    facts::Event event;
    event.set_type("AGENT_STARTED");
    event.set_agent_id(start->brief().name());
    event.set_message("Task: " + workflow::cut(start->brief().task(), 200));
    create({"agent", log_id{start->parent_log()},
            tenant_id{start->context().tenant()}, user_id{start->user()},
            session_id{start->context().session()}},
           std::move(begun), std::move(event));
    if (start->paused())
      run().pause("its task is paused", "parent", now_us());
    starters_.push_back(mail);
    return true;
  }

  void recovered(bool created) override {
    log_read_ = created; // Else there is something older to tell.
    if (!created) {
      window_ = 1; // The answer to the first says how much the parent has.
      // What was told while the log was read is told again: its answer found
      // nobody who could act on it.
      told_ = acknowledged_;
    }
    remote::AgentBrief brief;
    brief.ParseFromString(run().input());
    take_names(birth().parent.value, brief.name());
    priority_ = brief.priority();
    for (auto& mail : std::exchange(starters_, {}))
      reply(mail, ack());
    if (log_read_)
      tell_parent();
    else
      read_own_log(0);
  }

  void stored(log_version version, const facts::Fact& fact) override {
    // The end itself is told by AgentEnded, with the report.
    if (fact.has_run_completed() || fact.has_run_failed()
        || fact.has_run_cancelled()) {
      with().metrics.run_ended(fact.has_run_completed() ? "completed"
                               : fact.has_run_failed()  ? "failed"
                                                        : "cancelled");
      // That nobody waits for it came while its end was on its way to the disk.
      if (reported_)
        end_told();
    } else {
      known_.emplace(version, fact.event());
    }
    if (fact.has_run_started())
      with().metrics.run_accepted();
    // The end is as good: nothing is left to be stopped.
    if (fact.has_cancel_requested() || fact.has_run_completed()
        || fact.has_run_failed() || fact.has_run_cancelled())
      for (const auto& mail : std::exchange(cancellers_, {}))
        reply(mail, ack());
    if (fact.has_run_resumed())
      for (const auto& mail : std::exchange(resumers_, {})) {
        remote::ResumeAck answer;
        answer.set_success(true);
        answer.set_message("the run goes on");
        reply(mail, std::move(answer));
      }
    tell_parent();
  }

  std::optional<std::string>
  summary(const std::vector<facts::Fact>& facts) override {
    if (!facts.front().has_run_started())
      return std::nullopt;
    facts::Summary all;
    all.set_strategy("loop");
    all.set_query(facts.front().event().message());
    all.set_started_at_us(facts.front().at_us());
    return all.SerializeAsString();
  }

  bool may_retire() const override {
    return reported_;
  }

  bool owes_end() const override {
    return !reported_;
  }

  /// Its parent must hear first what it has stored.
  bool may_rest() override {
    return log_read_ && known_.empty() && !reporting_ && starters_.empty()
           && cancellers_.empty();
  }

  void start_effect(const durable_run::effect_start& what) override {
    effect_ended(what.key, what.effect, what.attempt, now_us(),
                 {fail(errc::invalid_argument,
                       "an AGENT cannot carry out " + what.effect),
                  {},
                  {},
                  0});
  }

  void stop_effect(const durable_run::effect_stop& what) override {
    run().stop_taken(what.key, what.attempt, now_us());
  }

  void give_up_mail() override {
    for (auto* kept : {&starters_, &cancellers_, &resumers_})
      for (const auto& mail : std::exchange(*kept, {}))
        hand_back(mail);
  }

private:
  static workflow::program program_of(const config::run_settings& settings) {
    loop_options options;
    options.iterations_max = settings.iterations_max;
    return [options](workflow::context ctx, std::string input) {
      return run_agent(std::move(ctx), std::move(input), options);
    };
  }

  static workflow::run_options
  options_of(const config::run_settings& settings) {
    workflow::run_options options;
    options.step_attempts_max = settings.step_attempts_max;
    options.retry_backoff_min = settings.retry_backoff_min;
    options.retry_backoff_max = settings.retry_backoff_max;
    options.facts_max = settings.facts_max;
    options.inline_bytes_max = settings.inline_bytes_max;
    return options;
  }

  void take_names(const std::string& parent, const std::string& name) {
    parent_ = {"workflow/" + parent};
    task_ = parent;
    deltas_to_ = parent_.value;
    agent_name_ = name;
  }

  // -- handlers, in protocol order --------------------------------------------

  void on(const envelope& mail, const remote::StartAgent& msg) {
    reply(mail, ack());
    // The parent was read back from disk: this is all it has.
    acknowledge(msg.progress_after());
    told_ = acknowledged_;
    reported_ = false;
    tell_parent();
  }

  void on(const envelope& mail, const remote::CancelAgent& msg) {
    run().cancel(msg.reason(), "parent", now_us());
    // The parent counts on it: until it is on disk, the wish can get lost.
    if (run().ended() || run().cancel_stored())
      return reply(mail, ack());
    cancellers_.push_back(mail);
    pump();
  }

  void on(const envelope& mail, const remote::DescribeRun&) {
    auto answer = run().describe();
    answer.set_run(log().value);
    reply(mail, std::move(answer));
  }

  void on(const envelope& mail, const remote::ResumeRun& msg) {
    std::vector<facts::StepId> forget{msg.forget().begin(), msg.forget().end()};
    if (run().resume(msg.by(), msg.reason(), std::move(forget), now_us())) {
      resumers_.push_back(mail);
      return pump();
    }
    remote::ResumeAck answer;
    answer.set_message(run().ended() ? "the run has ended"
                                     : "the run is not parked");
    reply(mail, std::move(answer));
  }

  // -- telling the parent -----------------------------------------------------

  /// After a restart: what was stored before must be told again, as far as
  /// the parent lacks it.
  void read_own_log(log_version after_version) {
    ask<store::fact_page>(
        {"store"}, store::read_facts{log(), after_version, 500}, 15s,
        [this, after_version](result<store::fact_page> got) {
          if (!got)
            return after(parent_retry, [this, after_version] {
              read_own_log(after_version);
            });
          auto last = after_version;
          for (const auto& row : got->facts) {
            facts::Fact fact;
            facts::read_fact(fact, row.bytes);
            last = row.version;
            // The parent may have said in the meantime what it has.
            if (row.version > acknowledged_ && !fact.has_run_completed()
                && !fact.has_run_failed() && !fact.has_run_cancelled())
              known_.emplace(row.version, fact.event());
          }
          if (last < got->version && !got->facts.empty())
            return read_own_log(last);
          log_read_ = true;
          tell_parent();
        });
  }

  void tell_parent() {
    for (const auto& [version, event] : known_) {
      if (version <= told_)
        continue;
      if (version - acknowledged_ > window_)
        break;
      told_ = version;
      remote::AgentProgress news;
      news.set_agent_log(log().value);
      news.set_version(version);
      *news.mutable_event() = event;
      if (run().state() == durable_run::phase::parked)
        news.set_parked(run().failure().text);
      ask<remote::AgentAck>(parent_, std::move(news), parent_timeout,
                            [this, version](result<remote::AgentAck> got) {
                              progress_answered(version, got);
                            });
    }
    report_if_done();
  }

  void progress_answered(log_version version,
                         const result<remote::AgentAck>& got) {
    if (!live())
      return; // `recovered` tells again what is not acknowledged.
    if (got) {
      window_ = unacknowledged_max;
      acknowledge(std::max(version, got->version()));
      tell_parent();
      return pump(); // It may have waited for this alone.
    }
    if (got.error().code == errc::not_found)
      return parent_is_gone();
    // Everything after what is acknowledged is told again, in order; one fact
    // alone until the parent takes it.
    window_ = 1;
    if (!retry_armed_) {
      retry_armed_ = true;
      after(parent_retry, [this] {
        retry_armed_ = false;
        if (!live())
          return;
        told_ = acknowledged_;
        tell_parent();
      });
    }
  }

  /// Nobody waits for this agent any more.
  void parent_is_gone() {
    reported_ = true;
    if (run().ended())
      end_told();
    else
      run().cancel("the task has ended", "parent", now_us());
    pump();
  }

  /// What the parent has on disk needs no keeping here.
  void acknowledge(log_version version) {
    acknowledged_ = std::max(acknowledged_, version);
    told_ = std::max(told_, acknowledged_);
    known_.erase(known_.begin(), known_.upper_bound(acknowledged_));
  }

  void report_if_done() {
    if (!run().ended() || reporting_ || reported_ || !log_read_
        || !known_.empty())
      return;
    reporting_ = true;
    remote::AgentEnded end;
    end.set_agent_log(log().value);
    auto& report = *end.mutable_report();
    if (run().status() == store::log_status::completed) {
      report.ParseFromString(run().output());
    } else {
      report.set_name(agent_name_);
      end.set_error_code(std::string{to_string(run().failure().code)});
      end.set_error_text(run().failure().text);
    }
    *report.mutable_usage() = run().usage();
    for (const auto& use : run().models())
      *report.add_models() = use;
    ask<remote::AgentAck>(parent_, std::move(end), parent_timeout,
                          [this](result<remote::AgentAck> got) {
                            reporting_ = false;
                            if (got || got.error().code == errc::not_found) {
                              end_told();
                              reported_ = true;
                              return pump();
                            }
                            after(parent_retry, [this] {
                              if (live())
                                report_if_done();
                            });
                          });
  }

  remote::AgentAck ack() {
    remote::AgentAck answer;
    answer.set_agent_log(log().value);
    if (run().state() == durable_run::phase::parked)
      answer.set_parked(run().failure().text);
    return answer;
  }

  shannon::address parent_;
  std::vector<envelope> starters_;
  std::vector<envelope> cancellers_; ///< Wait until CancelRequested is on disk.
  std::vector<envelope> resumers_;   ///< Wait until RunResumed is on disk.
  /// Facts on disk that the parent has not acknowledged, by version.
  std::map<log_version, facts::Event> known_;
  log_version told_ = 0;
  log_version acknowledged_ = 0;
  std::int64_t window_ = unacknowledged_max;
  bool log_read_ = false;
  bool retry_armed_ = false;
  bool reporting_ = false;
  bool reported_ = false;
};

} // namespace

caf::actor spawn_agents(caf::local_actor& parent, agent_args args) {
  return workflow::spawn_activator(
      parent, {args.env, "agent",
               [](const envelope& mail) {
                 return mail.body.get_if<remote::StartAgent>() != nullptr;
               },
               [args](caf::local_actor& owner, activation what) -> caf::actor {
                 return owner.spawn<agent>(args, std::move(what));
               },
               args.metrics, args.settings.runs_max * 4, 5,
               args.settings.activations_max});
}

} // namespace shannon::agent
