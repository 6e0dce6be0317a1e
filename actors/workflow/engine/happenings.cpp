// What happens to a run from outside, and the facts it causes.

#include "actors/workflow/engine/events.hpp"
#include "actors/workflow/engine/run.hpp"

#include <algorithm>

namespace shannon::workflow {

namespace {

/// A far side that asks for a longer pause is tried again earlier.
constexpr std::chrono::milliseconds retry_after_max = std::chrono::hours{24};

} // namespace

// -- what happens -------------------------------------------------------------

void durable_run::effect_ended(const std::string& key, std::uint32_t attempt,
                               effect_outcome outcome, std::int64_t now_us) {
  now_us_ = now_us;
  auto at = waiting_.find(key);
  if (at == waiting_.end() || phase_ != phase::running)
    return;
  auto& op = *at->second;
  if (op.settled_ || !op.started_ || op.attempt_ != attempt)
    return; // Late: this attempt has ended already.
  outcome_of(op, std::move(outcome), now_us);
  go_on();
}

/// Decides what the end of this attempt means for its step.
void durable_run::outcome_of(operation& op, effect_outcome outcome,
                             std::int64_t now_us) {
  auto attempt = op.attempt_;
  op.settled_ = true;
  facts::Fact fact;
  std::vector<store::blob> blobs;
  if (outcome.output) {
    auto& done = *fact.mutable_step_completed();
    *done.mutable_step() = op.id_;
    done.set_effect(op.effect);
    done.set_input_hash(op.input_hash_);
    done.set_attempt(attempt);
    done.set_duration_us(outcome.duration_us);
    *done.mutable_usage() = outcome.usage;
    for (auto& model : outcome.models)
      *done.add_models() = std::move(model);
    if (op.options.completed_event)
      *fact.mutable_event() = op.options.completed_event(*outcome.output);
    else
      *fact.mutable_event() = event_of("STEP_RECORDED", op.key_);
    *done.mutable_output()
        = body_of(std::move(*outcome.output), op.options.always_blob, blobs);
    stage(std::move(fact), std::move(blobs), now_us);
    return;
  }
  const auto& why = outcome.output.error();
  auto attempts_max = op.options.attempts_max != 0 ? op.options.attempts_max
                                                   : options_.step_attempts_max;
  // After a timeout nobody knows whether it was made.
  bool repeatable = !op.options.at_most_once || why.code != errc::timeout;
  if (why.retryable && repeatable && attempt < attempts_max) {
    auto shift = std::min(attempt - 1, 20u);
    auto top = std::min(options_.retry_backoff_min * (1u << shift),
                        options_.retry_backoff_max);
    // Full jitter over the upper half; what the far side asked for is a floor.
    auto wait = std::chrono::milliseconds{static_cast<std::int64_t>(
        static_cast<double>(top.count()) * (0.5 + options_.chance() / 2))};
    if (why.retry_after)
      wait = std::max(wait, std::min(*why.retry_after, retry_after_max));
    auto& failed = *fact.mutable_attempt_failed();
    *failed.mutable_step() = op.id_;
    failed.set_attempt(attempt);
    failed.set_error_code(std::string{shannon::to_string(why.code)});
    failed.set_error_text(why.text);
    failed.set_retry_at_us(now_us + wait.count() * 1000);
    failed.set_input_hash(op.input_hash_);
    *fact.mutable_event()
        = event_of("ERROR_RECOVERY",
                   op.effect + " attempt " + std::to_string(attempt) + " of "
                       + std::to_string(attempts_max) + " failed, next in "
                       + std::to_string(wait.count()) + " ms: " + why.text);
  } else {
    auto& failed = *fact.mutable_step_failed();
    *failed.mutable_step() = op.id_;
    failed.set_attempt(attempt);
    failed.set_error_code(std::string{shannon::to_string(why.code)});
    failed.set_error_text(why.text);
    failed.set_input_hash(op.input_hash_);
    *fact.mutable_event()
        = event_of("WARNING", op.effect + " failed: " + why.text);
  }
  stage(std::move(fact), {}, now_us);
}

void durable_run::tick(std::int64_t now_us) {
  now_us_ = now_us;
  if (phase_ != phase::running)
    return;
  // In the order in which they were due. What one causes may do away with the
  // next, so each is looked up again.
  std::vector<std::pair<std::int64_t, std::string>> due;
  for (auto& [key, op] : waiting_)
    if (auto at = due_us(*op); at != 0 && at <= now_us)
      due.emplace_back(at, key);
  std::sort(due.begin(), due.end());
  for (auto& [at_us, key] : due) {
    auto at = waiting_.find(key);
    if (at == waiting_.end() || phase_ != phase::running)
      continue;
    auto& op = *at->second;
    if (op.kind_ != operation::kind::timer) {
      expire(op, now_us);
    } else {
      facts::Fact fact;
      *fact.mutable_timer_fired()->mutable_step() = op.id_;
      *fact.mutable_event() = event_of("TIMER_FIRED", key);
      stage(std::move(fact), {}, now_us);
    }
    go_on();
  }
}

/// When time alone decides something about `op`; 0 for never.
std::int64_t durable_run::due_us(const operation& op) const {
  if (op.settled_)
    return 0;
  if (op.kind_ == operation::kind::timer)
    return timers_.at(op.key_);
  auto due = op.step_due_us_;
  if (op.started_ && op.attempt_due_us_ != 0
      && (due == 0 || op.attempt_due_us_ < due))
    due = op.attempt_due_us_;
  return due;
}

/// Ends an attempt, or the step, whose time is over.
void durable_run::expire(operation& op, std::int64_t now_us) {
  bool step_over = op.step_due_us_ != 0 && op.step_due_us_ <= now_us;
  auto stop = op.started_;
  op.started_ = true; // Also one that waited for its next attempt ends here.
  auto attempt = op.attempt_;
  outcome_of(op,
             {fail(errc::timeout,
                   step_over ? "the step took longer than its limit"
                             : "the attempt took longer than its limit",
                   !step_over),
              {},
              {},
              0},
             now_us);
  if (stop)
    stop_attempt(op, attempt);
}

durable_run::signal_outcome durable_run::signal(std::string name,
                                                std::string id,
                                                std::string payload,
                                                std::int64_t now_us) {
  if (phase_ == phase::ended || finishing_)
    return signal_outcome::ended;
  now_us_ = now_us;
  if (!signals_seen_.insert(name + '\x1f' + id).second)
    return signal_outcome::repeated;
  facts::Fact fact;
  fact.mutable_signal_received()->set_name(name);
  fact.mutable_signal_received()->set_signal_id(std::move(id));
  fact.mutable_signal_received()->set_payload(std::move(payload));
  *fact.mutable_event() = event_of("SIGNAL_RECEIVED", std::move(name));
  stage(std::move(fact), {}, now_us);
  go_on();
  return signal_outcome::staged;
}

bool durable_run::cancel(std::string reason, std::string by,
                         std::int64_t now_us) {
  if (phase_ == phase::ended || cancelling_ || finishing_)
    return false;
  now_us_ = now_us;
  facts::Fact fact;
  *fact.mutable_event() = event_of("WORKFLOW_CANCELLING", reason);
  fact.mutable_event()->set_agent_id("orchestrator");
  fact.mutable_cancel_requested()->set_reason(std::move(reason));
  fact.mutable_cancel_requested()->set_by(std::move(by));
  stage(std::move(fact), {}, now_us);
  go_on();
  return true;
}

std::int64_t durable_run::child_progressed(const std::string& name,
                                           std::int64_t version,
                                           facts::Event event,
                                           std::int64_t now_us) {
  now_us_ = now_us;
  auto& known = children_[name];
  if (phase_ == phase::running && !finishing_ && version == known.seen + 1) {
    known.seen = version;
    facts::Fact fact;
    fact.mutable_child_progressed()->set_child(name);
    fact.mutable_child_progressed()->set_child_version(version);
    *fact.mutable_event() = std::move(event);
    stage(std::move(fact), {}, now_us);
    go_on();
  }
  return known.stored;
}

void durable_run::park(std::string reason, std::int64_t now_us) {
  if ((phase_ != phase::running && phase_ != phase::empty) || finishing_)
    return;
  now_us_ = now_us;
  if (cancelling_) { // A person has decided already.
    end_cancelled();
    return go_on();
  }
  facts::Fact fact;
  fact.mutable_run_parked()->set_reason(reason);
  *fact.mutable_event() = event_of("WARNING", "Needs an operator: " + reason);
  failure_ = {errc::mismatch, std::move(reason), false, std::nullopt};
  stand_still(std::move(fact));
  go_on();
}

/// Parked from here on: says so once in the log, and nothing runs behind it.
void durable_run::stand_still(facts::Fact fact) {
  phase_ = phase::parked;
  if (std::exchange(parked_on_disk_, true))
    status_ = store::log_status::needs_operator;
  else
    stage(std::move(fact), {}, now_us_);
  for (auto& [key, op] : waiting_)
    stop_effect(*op);
}

/// The end of a run whose coroutine cannot unwind by itself.
void durable_run::end_cancelled() {
  if (std::exchange(closing_, true))
    return;
  phase_ = phase::running;
  for (auto& [key, op] : waiting_)
    if (op->kind_ == operation::kind::effect)
      stop_attempt(*op, op->attempt_);
  waiting_.clear();
  listening_.clear();
}

std::int64_t durable_run::child_version(const std::string& name) const {
  auto at = children_.find(name);
  return at == children_.end() ? 0 : at->second.stored;
}

std::int64_t durable_run::child_seen(const std::string& name) const {
  auto at = children_.find(name);
  return at == children_.end() ? 0 : at->second.seen;
}

} // namespace shannon::workflow
