// What happens to a run from outside, and the facts it causes.

#include "actors/workflow/engine/events.hpp"
#include "actors/workflow/engine/run.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace shannon::workflow {

namespace {

/// A far side that asks for a longer pause is tried again earlier.
constexpr std::chrono::milliseconds retry_after_max = std::chrono::hours{24};

} // namespace

// -- what happens -------------------------------------------------------------

void durable_run::effect_ended(const std::string& key, std::uint32_t attempt,
                               effect_outcome outcome, std::int64_t now_us) {
  now_us_ = now_us;
  auto at = started_.find(key);
  if (at == started_.end() || phase_ != phase::running
      || at->second->attempt_ != attempt)
    return; // Late: this attempt has ended already.
  auto& op = *at->second;
  outcome_of(op, std::move(outcome));
  stop_twin(op, attempt);
  go_on();
}

/// Decides what the end of this attempt means for its step.
void durable_run::outcome_of(operation& op, effect_outcome outcome) {
  auto key = op.where_.text();
  if (op.started_ && !op.settled_) {
    --under_way_;
    started_.erase(outside_name(op));
  }
  op.settled_ = true;
  bool repeated = std::exchange(op.made_before_, false);
  facts::Fact fact;
  bodies blobs;
  if (outcome.output) {
    auto& done = *fact.mutable_step_completed();
    op.where_.to(*done.mutable_step());
    done.set_effect(std::string{op.effect});
    done.set_input_hash(op.input_hash_);
    done.set_attempt(op.attempt_);
    done.set_duration_us(outcome.duration_us);
    done.set_possible_repeat(repeated);
    if (outcome.usage.ByteSizeLong() != 0)
      *done.mutable_usage() = std::move(outcome.usage);
    for (auto& model : outcome.models)
      *done.add_models() = std::move(model);
    *fact.mutable_event() = op.options.completed_event
                                ? op.options.completed_event(*outcome.output)
                                : event_of("STEP_RECORDED", key);
    *done.mutable_output()
        = body_of(std::move(*outcome.output), op.options.always_blob, blobs);
    for (auto& body : outcome.bodies) {
      auto hash = sha256(body);
      blobs.push_back({std::move(hash), std::move(body)});
    }
  } else if (const auto& why = outcome.output.error(); is_retried(op, why)) {
    auto wait = pause_after(op, why);
    auto& failed = *fact.mutable_attempt_failed();
    op.where_.to(*failed.mutable_step());
    failed.set_attempt(op.attempt_);
    failed.set_error_code(std::string{shannon::to_string(why.code)});
    failed.set_error_text(why.text);
    failed.set_retry_at_us(now_us_ + wait.count() * 1000);
    failed.set_input_hash(op.input_hash_);
    *fact.mutable_event()
        = event_of("ERROR_RECOVERY",
                   std::string{op.effect} + " attempt "
                       + std::to_string(op.attempt_ - op.attempts_before_)
                       + " failed, next in " + std::to_string(wait.count())
                       + " ms: " + why.text);
  } else {
    auto& failed = *fact.mutable_step_failed();
    op.where_.to(*failed.mutable_step());
    failed.set_attempt(op.attempt_);
    failed.set_error_code(std::string{shannon::to_string(why.code)});
    failed.set_error_text(why.text);
    failed.set_input_hash(op.input_hash_);
    failed.set_possible_repeat(repeated);
    *fact.mutable_event()
        = event_of("WARNING", std::string{op.effect} + " failed: " + why.text);
  }
  // The process before this one may have made it, and died before it could
  // record that.
  if (repeated)
    fact.mutable_event()->mutable_message()->append(" (possible repeat)");
  stage(std::move(fact), std::move(blobs));
}

bool durable_run::is_retried(const operation& op, const error& why) const {
  auto attempts_max = op.options.attempts_max != 0 ? op.options.attempts_max
                                                   : options_.step_attempts_max;
  auto refused = op.refused_ + (why.code == errc::overloaded ? 1 : 0);
  auto made = op.attempt_ - op.attempts_before_
              - std::min(refused, op.options.refusals_max);
  const auto& never = op.options.not_retried;
  // After a timeout nobody knows whether it was made.
  bool repeatable = !op.options.at_most_once || why.code != errc::timeout;
  return why.retryable && repeatable && made < attempts_max
         && std::find(never.begin(), never.end(), why.code) == never.end();
}

std::chrono::milliseconds durable_run::pause_after(const operation& op,
                                                   const error& why) const {
  auto or_default = [](std::chrono::milliseconds own,
                       std::chrono::milliseconds other) {
    return static_cast<double>(own.count() != 0 ? own.count() : other.count());
  };
  auto least = or_default(op.options.backoff_min, options_.retry_backoff_min);
  auto most = or_default(op.options.backoff_max, options_.retry_backoff_max);
  auto pauses = op.attempt_ - op.attempts_before_ - 1;
  auto top = std::min(
      least * std::pow(std::max(op.options.backoff_factor, 1.0), pauses), most);
  // Full jitter over the upper half; what the far side asked for is a floor.
  auto wait = std::chrono::milliseconds{
      static_cast<std::int64_t>(top * (0.5 + options_.chance() / 2))};
  if (why.retry_after)
    wait = std::max(wait, std::min(*why.retry_after, retry_after_max));
  return wait;
}

void durable_run::stop_taken(const std::string& key, std::uint32_t attempt,
                             std::int64_t now_us) {
  now_us_ = now_us;
  auto at = std::find_if(stops_told_.begin(), stops_told_.end(),
                         [&](const auto& stop) {
                           return stop.key == key && stop.attempt == attempt;
                         });
  if (at == stops_told_.end())
    return; // Told by an activation before this one, which tells it again.
  stops_told_.erase(at);
  --stops_owed_;
  go_on();
}

void durable_run::tick(std::int64_t now_us) {
  now_us_ = now_us;
  // In the order in which they are due. What one causes may do away with the
  // next.
  while (phase_ == phase::running && !alarms_.empty()
         && alarms_.begin()->first.first <= now_us) {
    auto& op = *alarms_.begin()->second;
    alarms_.erase(alarms_.begin());
    op.alarm_us_ = 0;
    ring(op);
    go_on();
  }
}

/// The time has come for something about `op`.
void durable_run::ring(operation& op) {
  if (op.kind_ == operation::kind::timer) {
    facts::Fact fact;
    op.where_.to(*fact.mutable_timer_fired()->mutable_step());
    *fact.mutable_event() = event_of("TIMER_FIRED", op.where_.text());
    return stage(std::move(fact));
  }
  bool step_over = op.step_due_us_ != 0 && op.step_due_us_ <= now_us_;
  bool attempt_over
      = op.started_ && op.attempt_due_us_ != 0 && op.attempt_due_us_ <= now_us_;
  if (step_over || attempt_over)
    return expire(op);
  make_ready(op); // It waited for its next attempt.
  set_alarm(op);
}

/// Ends an attempt, or the step, whose time is over.
void durable_run::expire(operation& op) {
  bool step_over = op.step_due_us_ != 0 && op.step_due_us_ <= now_us_;
  bool was_started = op.started_;
  auto attempt = op.attempt_;
  outcome_of(op, {fail(errc::timeout,
                       step_over ? "the step took longer than its limit"
                                 : "the attempt took longer than its limit",
                       !step_over),
                  {},
                  {},
                  0});
  if (was_started && op.outlives)
    stop_attempt(op, attempt);
}

durable_run::signal_outcome
durable_run::signal(std::string name, std::string id, std::string payload,
                    std::int64_t now_us, const facts::Event& told) {
  if (phase_ == phase::ended || finishing_)
    return signal_outcome::ended;
  now_us_ = now_us;
  auto known = name + '\x1f' + id;
  if (!signals_seen_.emplace(std::move(known), signals_seen_.size()).second)
    return signal_outcome::repeated;
  facts::Fact fact;
  fact.mutable_signal_received()->set_name(name);
  fact.mutable_signal_received()->set_signal_id(std::move(id));
  fact.mutable_signal_received()->set_payload(std::move(payload));
  *fact.mutable_event() = told.type().empty()
                              ? event_of("SIGNAL_RECEIVED", std::move(name))
                              : told;
  stage(std::move(fact));
  go_on();
  return signal_outcome::staged;
}

bool durable_run::cancel(std::string reason, std::string by,
                         std::int64_t now_us) {
  if (phase_ == phase::ended || cancel_staged_ || finishing_)
    return false;
  cancel_staged_ = true;
  now_us_ = now_us;
  facts::Fact fact;
  *fact.mutable_event() = event_of("WORKFLOW_CANCELLING", reason);
  fact.mutable_event()->set_agent_id("orchestrator");
  fact.mutable_cancel_requested()->set_reason(std::move(reason));
  fact.mutable_cancel_requested()->set_by(std::move(by));
  stage(std::move(fact));
  go_on();
  return true;
}

std::int64_t durable_run::child_progressed(const std::string& name,
                                           std::int64_t version,
                                           facts::Event event,
                                           std::int64_t now_us) {
  now_us_ = now_us;
  auto& known = children_[name];
  // Also while this run waits for a person: the child goes on, and would hold
  // what it cannot tell.
  bool takes = phase_ == phase::running || phase_ == phase::parked;
  if (takes && !finishing_ && version == known.seen + 1) {
    known.seen = version;
    facts::Fact fact;
    fact.mutable_child_progressed()->set_child(name);
    fact.mutable_child_progressed()->set_child_version(version);
    *fact.mutable_event() = std::move(event);
    stage(std::move(fact));
    go_on();
  }
  return known.stored;
}

} // namespace shannon::workflow
