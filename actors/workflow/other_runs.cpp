// Effects of a WORKFLOW that are runs of their own: agents and child runs. Each
// has a log; what is asked of it is asked until it is on disk there, and what
// it tells is taken once.

#include "actors/workflow/workflow_actor.hpp"

#include <algorithm>
#include <utility>

namespace shannon::workflow {

namespace {

using namespace std::chrono_literals;

constexpr auto ask_timeout = 10s;
constexpr auto ask_again = 500ms;
constexpr auto store_timeout = 15s;

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
    auto agent = log().value + "/" + brief->name();
    others_[agent] = {what.effect, what.key, what.attempt, now_us()};
    remote::StartAgent start;
    *start.mutable_context() = effect_context(what.key, what.attempt);
    start.set_agent_log(agent);
    start.set_parent_log(log().value);
    *start.mutable_brief() = *brief;
    start.set_user(birth().user.value);
    return start_agent(agent, std::move(start));
  }
  if (const auto* wish
      = dynamic_cast<const remote::ChildRun*>(what.input.get())) {
    auto child = child_id(*wish, what.key);
    others_[child]
        = {what.effect, what.key, what.attempt, now_us(), wish->detached()};
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
    return start_child(child, std::move(start));
  }
  effect_ended(what.key, what.effect, what.attempt, now_us(),
               {fail(errc::invalid_argument,
                     "a WORKFLOW cannot carry out " + what.effect),
                {},
                {},
                0});
}

/// While this run waits for a person those others go on, and keep what they
/// have to tell.
void workflow_actor::stop_effect(const durable_run::effect_stop& what) {
  if (run().state() == durable_run::phase::parked)
    return;
  std::string other;
  bool is_agent = false;
  bool goes_on = false;
  if (const auto* brief
      = dynamic_cast<const remote::AgentBrief*>(what.input.get())) {
    other = log().value + "/" + brief->name();
    is_agent = true;
  } else if (const auto* wish
             = dynamic_cast<const remote::ChildRun*>(what.input.get())) {
    other = child_id(*wish, what.key);
    goes_on = wish->parent_close() == remote::PARENT_CLOSE_ABANDON;
  } else {
    return;
  }
  others_.erase(other); // It is not asked to start again.
  if (!goes_on && cancelling_.insert(other).second)
    cancel_other(other, is_agent);
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

// -- asked of the others ------------------------------------------------------

void workflow_actor::start_agent(const std::string& agent,
                                 remote::StartAgent start) {
  start.set_progress_after(run().child_version(agent));
  ask<remote::AgentAck>({"agent/" + agent}, start, ask_timeout,
                        [this, agent, start](result<remote::AgentAck> got) {
                          auto at = others_.find(agent);
                          if (!live() || at == others_.end())
                            return;
                          if (got) {
                            at->second.acknowledged = true;
                            at->second.parked = got->parked();
                            return pump();
                          }
                          if (!got.error().retryable)
                            return other_refused(agent, got.error());
                          after(ask_again, [this, agent, start] {
                            if (live() && others_.count(agent) != 0)
                              start_agent(agent, start);
                          });
                        });
}

void workflow_actor::start_child(const std::string& child,
                                 remote::StartRun start) {
  ask<remote::RunAccepted>(
      {"workflow/" + child}, start, ask_timeout,
      [this, child, start](const result<remote::RunAccepted>& got) {
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
          return pump();
        }
        if (!got.error().retryable)
          return other_refused(child, got.error());
        after(ask_again, [this, child, start] {
          if (live() && others_.count(child) != 0)
            start_child(child, start);
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
/// go before.
void workflow_actor::cancel_other(const std::string& other, bool is_agent) {
  auto then = [this, other, is_agent](const auto& got) {
    if (!got && got.error().retryable)
      return after(ask_again,
                   [this, other, is_agent] { cancel_other(other, is_agent); });
    cancelling_.erase(other);
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
  unacknowledged_[{msg.agent_log(), msg.version()}] = mail;
  pump();
}

void workflow_actor::acknowledge(const facts::ChildProgressed& fact) {
  auto at = unacknowledged_.find({fact.child(), fact.child_version()});
  if (at == unacknowledged_.end())
    return;
  reply(at->second, agent_ack(fact.child(), fact.child_version()));
  unacknowledged_.erase(at);
}

// Ends are acknowledged at once, whether they are on disk here or not: if this
// run dies before, it asks the other to start again, and hears its end again.

void workflow_actor::on(const envelope& mail, const remote::AgentEnded& msg) {
  reply(mail, agent_ack(msg.agent_log(), 0));
  if (others_.count(msg.agent_log()) == 0)
    return;
  durable_run::effect_outcome outcome;
  if (msg.error_code().empty())
    outcome.output = msg.report().SerializeAsString();
  else
    outcome.output = tl::unexpected<error>(
        ended_error(msg.error_code(), msg.error_text()));
  outcome.usage = msg.report().usage();
  outcome.models.assign(msg.report().models().begin(),
                        msg.report().models().end());
  other_ended(msg.agent_log(), std::move(outcome));
}

void workflow_actor::on(const envelope& mail, const remote::RunEnded& msg) {
  remote::RunEndedAck ack;
  ack.set_run(msg.run());
  reply(mail, std::move(ack));
  auto at = others_.find(msg.run());
  if (at == others_.end() || at->second.detached)
    return;
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
}

// -- who started this one -----------------------------------------------------

/// A parent tells its children to stop before its end is on disk, but a node
/// may die in between: then they find out by themselves.
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
        end_taken_ = true; // Or nobody is there who could want it.
        pump();
      });
}

} // namespace shannon::workflow
