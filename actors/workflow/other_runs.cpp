// Effects of a WORKFLOW that are runs of their own: agents and child runs. Each
// has a log; what is asked of it is asked until it is on disk there, and what
// it tells is taken once.

#include "actors/kit/failpoint.hpp"
#include "actors/workflow/workflow_actor.hpp"
#include "protocols/sessions.hpp"

#include <algorithm>
#include <utility>

namespace shannon::workflow {

namespace {

using namespace std::chrono_literals;

constexpr auto ask_timeout = 10s;
constexpr auto ask_again = 500ms;
constexpr auto store_timeout = 15s;
/// Logs in one look.
constexpr std::ptrdiff_t look_max = 10'000;

remote::AgentAck agent_ack(const std::string& agent, std::int64_t version) {
  remote::AgentAck answer;
  answer.set_agent_log(agent);
  answer.set_version(version);
  return answer;
}

error ended_error(const std::string& code, const std::string& text) {
  return {errc_from_string(code), text, false, std::nullopt};
}

} // namespace

// -- effects ------------------------------------------------------------------

void workflow_actor::start_effect(const durable_run::effect_start& what) {
  if (const auto* brief
      = dynamic_cast<const remote::AgentBrief*>(what.input.get())) {
    auto agent = agent_log(*brief);
    remote::StartAgent start;
    *start.mutable_context() = effect_context(what.key, what.attempt);
    start.set_agent_log(agent);
    start.set_parent_log(log().value);
    *start.mutable_brief() = *brief;
    start.mutable_brief()->set_priority(priority_);
    if (!what.shown_as.empty())
      start.mutable_brief()->set_name(what.shown_as);
    start.set_user(birth().user.value);
    return start_other(agent,
                       {what.effect, to_string(what.step), what.key,
                        what.attempt, now_us(), false, std::move(start)});
  }
  if (const auto* wish
      = dynamic_cast<const remote::ChildRun*>(what.input.get())) {
    auto child = child_id(*wish, what.key);
    remote::StartRun start;
    start.set_run(child);
    start.set_program(wish->program());
    start.set_input(wish->input());
    start.set_tenant(birth().tenant.value);
    start.set_user(birth().user.value);
    start.set_session(birth().session.value);
    start.set_parent(log().value);
    start.set_ends_with_parent(wish->parent_close()
                               == remote::PARENT_CLOSE_CANCEL);
    if (!wish->detached()) {
      start.set_tell_end_to(self_address().value);
      start.set_step(what.key);
      start.set_attempt(what.attempt);
    }
    return start_other(child, {what.effect, to_string(what.step), what.key,
                               what.attempt, now_us(), wish->detached(),
                               std::move(start)});
  }
  if (const auto* wish
      = dynamic_cast<const remote::NameSession*>(what.input.get()))
    return name_session(what, *wish);
  if (const auto* wish
      = dynamic_cast<const remote::SendToDaemons*>(what.input.get()))
    return send_to_daemons(what, *wish);
  effect_ended(what.key, what.effect, what.attempt, now_us(),
               {fail(errc::invalid_argument,
                     "a WORKFLOW cannot carry out " + what.effect),
                {},
                {},
                0});
}

void workflow_actor::name_session(const durable_run::effect_start& what,
                                  const remote::NameSession& wish) {
  ask<sessions::named>(
      {"records"},
      sessions::name{tenant_id{wish.tenant()}, user_id{wish.user()},
                     session_id{wish.session()}, wish.title()},
      store_timeout,
      [this, key = what.key, effect = what.effect, attempt = what.attempt,
       since = now_us()](const result<sessions::named>& got) {
        durable_run::effect_outcome outcome;
        if (got) {
          remote::SessionNamed done;
          done.set_named(got->done);
          outcome.output = done.SerializeAsString();
        } else {
          outcome.output = tl::unexpected<error>(got.error());
        }
        effect_ended(key, effect, attempt, since, std::move(outcome));
      });
}

/// The message is named like its task: its replies are signals to that.
void workflow_actor::send_to_daemons(const durable_run::effect_start& what,
                                     const remote::SendToDaemons& wish) {
  auto msg = wish;
  msg.set_message_id(log().value);
  msg.set_run(log().value);
  msg.set_tenant(birth().tenant.value);
  msg.set_user(birth().user.value);
  ask<remote::SentToDaemons>(
      {"gateway"}, std::move(msg), store_timeout,
      [this, key = what.key, effect = what.effect, attempt = what.attempt,
       since = now_us()](const result<remote::SentToDaemons>& got) {
        durable_run::effect_outcome outcome;
        if (got)
          outcome.output = got->SerializeAsString();
        else
          outcome.output = tl::unexpected<error>(got.error());
        effect_ended(key, effect, attempt, since, std::move(outcome));
      });
}

/// While this run waits for a person those others go on, and keep what they
/// have to tell.
void workflow_actor::stop_effect(const durable_run::effect_stop& what) {
  if (run().state() == durable_run::phase::parked)
    return run().stop_taken(what.key, what.attempt, now_us());
  const auto* brief = dynamic_cast<const remote::AgentBrief*>(what.input.get());
  const auto* wish = dynamic_cast<const remote::ChildRun*>(what.input.get());
  if (!brief && !wish)
    return run().stop_taken(what.key, what.attempt, now_us());
  auto other = brief ? agent_log(*brief) : child_id(*wish, what.key);
  others_.erase(other); // It is not asked to start again.
  auto [at, first] = cancelling_.try_emplace(other);
  at->second.push_back({what.key, what.attempt});
  if (first)
    cancel_other(other, brief != nullptr);
}

/// Its row says that it does not wait, so after a crash of the node it is
/// there again, and asks each of them anew.
bool workflow_actor::waits_for_others() const {
  return !others_.empty()
         && std::all_of(others_.begin(), others_.end(), [](const auto& other) {
              return other.second.acknowledged;
            });
}

std::string workflow_actor::child_id(const remote::ChildRun& wish,
                                     const std::string& key) const {
  return wish.id().empty() ? log().value + "/" + key : wish.id();
}

/// An agent's log is named by its brief, and in turns after the first by the
/// turn too, as its step is.
std::string workflow_actor::agent_log(const remote::AgentBrief& brief) {
  auto name = log().value + "/" + brief.name();
  auto turn = run().turn();
  return turn == 0 ? name : name + "@" + std::to_string(turn);
}

// -- asked of the others ------------------------------------------------------

void workflow_actor::start_other(const std::string& other, other_run what) {
  others_[other] = std::move(what);
  // Of a run with a name of its own nobody knows who else has started it.
  bool named_here = other.starts_with(log().value + "/");
  if (!reads_back_ || !named_here)
    return ask_other(other);
  // All that the run asks for in one go are looked for together.
  if (unseen_.empty())
    after(0ms, [this] { look_for_others(); });
  unseen_.push_back(log_id{other});
}

/// A run that is read back, perhaps for the end of one of many, does not ask
/// all of them again: those that go on by themselves will tell.
void workflow_actor::look_for_others() {
  reads_back_ = false;
  auto all = std::exchange(unseen_, {});
  for (auto from = all.begin(); from != all.end();) {
    auto count = std::min<std::ptrdiff_t>(all.end() - from, look_max);
    look_for(store::list_active{{from, from + count}});
    from += count;
  }
}

void workflow_actor::look_for(store::list_active look) {
  ask<store::log_states>({"store"}, look, store_timeout,
                         [this, look](const result<store::log_states>& got) {
                           if (!live())
                             return;
                           if (!got)
                             return after(ask_again, [this, look] {
                               if (live())
                                 look_for(look);
                             });
                           for (const auto& log : look.logs)
                             seen(log.value, got->logs);
                           pump();
                         });
}

void workflow_actor::seen(const std::string& other,
                          const std::map<log_id, store::log_status>& active) {
  auto at = others_.find(other);
  if (at == others_.end())
    return;
  auto found = active.find(log_id{other});
  // One that stands still says why only when it is asked.
  if (found == active.end() || at->second.detached
      || found->second == store::log_status::needs_operator)
    return ask_other(other);
  at->second.acknowledged = true;
  if (run().ever_paused())
    tell_pause(other);
}

void workflow_actor::ask_other(const std::string& other) {
  if (others_.at(other).start.get_if<remote::StartAgent>())
    start_agent(other);
  else
    start_child(other);
}

void workflow_actor::start_agent(const std::string& agent) {
  auto start = *others_.at(agent).start.get_if<remote::StartAgent>();
  start.set_progress_after(run().child_version(agent));
  start.set_paused(run().paused());
  ask<remote::AgentAck>({"agent/" + agent}, std::move(start), ask_timeout,
                        [this, agent](const result<remote::AgentAck>& got) {
                          auto at = others_.find(agent);
                          if (!live() || at == others_.end())
                            return;
                          SHANNON_FAILPOINT("child.started");
                          if (got) {
                            at->second.acknowledged = true;
                            at->second.parked = got->parked();
                            if (run().ever_paused())
                              tell_pause(agent);
                            return pump();
                          }
                          if (!got.error().retryable)
                            return other_refused(agent, got.error());
                          after(ask_again, [this, agent] {
                            if (live() && others_.count(agent) != 0)
                              start_agent(agent);
                          });
                        });
}

void workflow_actor::start_child(const std::string& child) {
  auto start = *others_.at(child).start.get_if<remote::StartRun>();
  start.set_paused(run().paused() && !others_.at(child).detached);
  ask<remote::RunAccepted>(
      {"workflow/" + child}, std::move(start), ask_timeout,
      [this, child](const result<remote::RunAccepted>& got) {
        auto at = others_.find(child);
        if (!live() || at == others_.end())
          return;
        if (got && at->second.detached) {
          remote::ChildResult output;
          output.set_run(child);
          return other_ended(child, {output.SerializeAsString(), {}, {}, 0});
        }
        if (got) {
          at->second.acknowledged = true;
          if (run().ever_paused())
            tell_pause(child);
          return pump();
        }
        if (!got.error().retryable)
          return other_refused(child, got.error());
        after(ask_again, [this, child] {
          if (live() && others_.count(child) != 0)
            start_child(child);
        });
      });
}

void workflow_actor::other_refused(const std::string& other, const error& why) {
  other_ended(other, {tl::unexpected<error>(why), {}, {}, 0});
}

void workflow_actor::other_ended(const std::string& other,
                                 durable_run::effect_outcome outcome) {
  auto what = std::move(others_.at(other));
  others_.erase(other);
  effect_ended(what.key, what.effect, what.attempt, what.since_us,
               std::move(outcome));
}

/// Until it has stored the wish, has ended or does not exist: this run does not
/// end before.
void workflow_actor::cancel_other(const std::string& other, bool is_agent) {
  auto then = [this, other, is_agent](const auto& got) {
    if (!got && got.error().retryable)
      return after(ask_again,
                   [this, other, is_agent] { cancel_other(other, is_agent); });
    auto owed = cancelling_.extract(other);
    if (live())
      for (const auto& stop : owed.mapped())
        run().stop_taken(stop.key, stop.attempt, now_us());
    pump();
  };
  std::string reason = live() ? run().failure().text : std::string{};
  if (reason.empty())
    reason = "nobody waits for it any more";
  if (is_agent) {
    remote::CancelAgent stop;
    stop.set_agent_log(other);
    stop.set_reason(std::move(reason));
    ask<remote::AgentAck>({"agent/" + other}, std::move(stop), ask_timeout,
                          then);
  } else {
    remote::CancelTask stop;
    stop.set_task(other);
    stop.set_reason(std::move(reason));
    stop.set_by("parent");
    ask<remote::CancelAck>({"workflow/" + other}, std::move(stop), ask_timeout,
                           then);
  }
}

void workflow_actor::pause_changed() {
  for (const auto& [other, what] : others_)
    if (what.acknowledged)
      tell_pause(other);
}

/// Those that go on without this run begin nothing either while it is paused.
/// Told what holds now, until it is on disk there; after a crash again.
void workflow_actor::tell_pause(const std::string& other) {
  auto at = others_.find(other);
  if (at == others_.end() || at->second.detached)
    return;
  bool is_agent = at->second.start.get_if<remote::StartAgent>() != nullptr;
  remote::SetPaused wish;
  wish.set_run(other);
  wish.set_paused(run().paused());
  wish.set_reason(run().paused() ? "its task is paused" : "its task goes on");
  wish.set_by("parent");
  ask<remote::SetPausedAck>(
      {(is_agent ? "agent/" : "workflow/") + other}, std::move(wish),
      ask_timeout, [this, other](const result<remote::SetPausedAck>& got) {
        if (got || !got.error().retryable)
          return pump();
        after(ask_again, [this, other] {
          if (live())
            tell_pause(other);
        });
      });
}

// -- told by the others -------------------------------------------------------

void workflow_actor::on(const envelope& mail,
                        const remote::AgentProgress& msg) {
  if (run().ended())
    return refuse(mail,
                  {errc::not_found, "the run has ended", false, std::nullopt});
  if (auto at = others_.find(msg.agent_log()); at != others_.end())
    at->second.parked = msg.parked();
  auto on_disk = run().child_progressed(msg.agent_log(), msg.version(),
                                        msg.event(), now_us());
  if (on_disk >= msg.version())
    return reply(mail, agent_ack(msg.agent_log(), on_disk));
  // One before it was lost on its way: the agent tells them in order again.
  if (msg.version() > run().child_seen(msg.agent_log()) + 1)
    return refuse(mail, {errc::conflict, "a fact before this one is missing",
                         true, std::nullopt});
  unacknowledged_.emplace(std::pair{msg.agent_log(), msg.version()}, mail);
  pump();
}

void workflow_actor::acknowledge(const facts::ChildProgressed& fact) {
  auto [from, to]
      = unacknowledged_.equal_range({fact.child(), fact.child_version()});
  for (auto at = from; at != to; ++at)
    reply(at->second, agent_ack(fact.child(), fact.child_version()));
  unacknowledged_.erase(from, to);
}

/// Who has told its end is brought back by nobody any more: so the end must be
/// on disk here, or nobody may wait for it. That only who knows the whole log
/// can say: an owner of yesterday might not know of the child yet.
void workflow_actor::acknowledge_end(const std::string& other,
                                     const envelope& mail, message_body ack) {
  if (!run().quiet())
    return kept_ends_.push_back(
        {run().decided_version(), mail, std::move(ack)});
  ask<store::log_head>(
      {"store"}, store::get_head{log()}, store_timeout,
      [this, other, mail, ack](const result<store::log_head>& got) {
        bool knows
            = live() && got && got->tail.version == run().stored_version();
        bool waits = knows && run().state() == durable_run::phase::running
                     && others_.count(other) != 0;
        if (knows && !waits)
          reply(mail, ack);
        else
          refuse(mail, {errc::unavailable,
                        "it is not known here whether this end is waited for",
                        true, std::nullopt});
      });
}

void workflow_actor::on(const envelope& mail, const remote::AgentEnded& msg) {
  SHANNON_FAILPOINT("child.ended");
  auto ack = agent_ack(msg.agent_log(), 0);
  if (others_.count(msg.agent_log()) == 0)
    return acknowledge_end(msg.agent_log(), mail, std::move(ack));
  durable_run::effect_outcome outcome;
  auto report = msg.report();
  if (!msg.error_code().empty()) {
    report.set_success(false);
    report.set_error(msg.error_text());
    report.set_stop_reason("failed");
  }
  // Also one that failed is a report: what it cost is recorded with that.
  if (msg.error_code() != to_string(errc::cancelled))
    outcome.output = report.SerializeAsString();
  else
    outcome.output = tl::unexpected<error>(
        ended_error(msg.error_code(), msg.error_text()));
  outcome.usage = msg.report().usage();
  outcome.models.assign(msg.report().models().begin(),
                        msg.report().models().end());
  other_ended(msg.agent_log(), std::move(outcome));
  acknowledge_end(msg.agent_log(), mail, std::move(ack));
}

void workflow_actor::on(const envelope& mail, const remote::RunEnded& msg) {
  remote::RunEndedAck ack;
  ack.set_run(msg.run());
  auto at = others_.find(msg.run());
  if (at == others_.end() || at->second.detached)
    return acknowledge_end(msg.run(), mail, std::move(ack));
  durable_run::effect_outcome outcome;
  if (msg.error_code().empty()) {
    remote::ChildResult output;
    output.set_run(msg.run());
    output.set_output(msg.output());
    outcome.output = output.SerializeAsString();
  } else {
    outcome.output = tl::unexpected<error>(
        ended_error(msg.error_code(), msg.error_text()));
  }
  outcome.usage = msg.usage();
  outcome.models.assign(msg.models().begin(), msg.models().end());
  other_ended(msg.run(), std::move(outcome));
  acknowledge_end(msg.run(), mail, std::move(ack));
}

// -- who started this one -----------------------------------------------------

/// A parent does not end before its children have taken that they are to stop.
/// One whose start came later than that finds out by itself.
void workflow_actor::look_at_parent() {
  if (!told_.ends_with_parent() || birth().parent.empty()
      || run().state() == durable_run::phase::ended || run().cancelling())
    return;
  ask<store::log_head>(
      {"store"}, store::get_head{birth().parent}, store_timeout,
      [this](const result<store::log_head>& got) {
        if (!live())
          return;
        bool gone = got ? store::is_terminal(got->status)
                        : got.error().code == errc::not_found;
        if (gone)
          run().cancel("its parent has ended", "parent", now_us());
        else if (!got)
          after(ask_again, [this] {
            if (live())
              look_at_parent();
          });
        pump();
      });
}

void workflow_actor::tell_end() {
  if (end_taken_ || std::exchange(telling_, true))
    return;
  remote::RunEnded news;
  news.set_run(log().value);
  news.set_parent(birth().parent.value);
  news.set_step(told_.step());
  news.set_attempt(told_.attempt());
  if (run().status() == store::log_status::completed) {
    news.set_output(run().output());
  } else {
    news.set_error_code(std::string{to_string(run().failure().code)});
    news.set_error_text(run().failure().text);
  }
  *news.mutable_usage() = run().usage();
  for (const auto& use : run().models())
    *news.add_models() = use;
  ask<remote::RunEndedAck>(
      {told_.tell_end_to()}, std::move(news), ask_timeout,
      [this](const result<remote::RunEndedAck>& got) {
        telling_ = false;
        if (!got && got.error().retryable)
          return after(ask_again, [this] {
            if (live() && run().ended())
              tell_end();
          });
        if (owes_end())
          end_told();
        end_taken_ = true; // Or nobody is there who could want it.
        pump();
      });
}

} // namespace shannon::workflow
