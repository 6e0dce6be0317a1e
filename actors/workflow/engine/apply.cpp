// How facts become state: what `durable_run` does with what is decided, the
// same for a fact decided now and for one read back years later.

#include "actors/workflow/engine/context.hpp"
#include "actors/workflow/engine/run.hpp"

#include <algorithm>
#include <utility>

namespace shannon::workflow {

result<void> durable_run::apply(const facts::Fact& fact, const bodies& own) {
  switch (fact.body_case()) {
  case facts::Fact::kRunStarted:
    started_at_us_ = fact.at_us();
    kind_ = fact.run_started().kind();
    strategy_ = fact.run_started().strategy();
    return start_program(fact.run_started().input(), own);
  case facts::Fact::kRunContinued:
    return apply_continued(fact.run_continued(), own);
  case facts::Fact::kStepCompleted:
    return apply_outcome(fact.step_completed(), own);
  case facts::Fact::kStepStarted:
    // Read back, so it was made by an earlier activation.
    if (auto* known
        = replaying_ ? slot_of(fact.step_started().step()) : nullptr)
      known->announced = fact.step_started().attempt();
    break;
  case facts::Fact::kAttemptFailed:
    apply_attempt(fact.attempt_failed());
    break;
  case facts::Fact::kStepFailed:
    apply_failure(fact.step_failed());
    break;
  case facts::Fact::kTimerFired:
    apply_timer(fact.timer_fired());
    break;
  case facts::Fact::kSignalReceived:
    apply_signal(fact.signal_received());
    break;
  case facts::Fact::kChildProgressed: {
    auto& known = children_[fact.child_progressed().child()];
    known.seen = fact.child_progressed().child_version();
    if (replaying_)
      known.stored = known.seen;
    break;
  }
  case facts::Fact::kCancelRequested:
    apply_cancel(fact);
    break;
  case facts::Fact::kRunCompleted: {
    auto output = bytes_of(fact.run_completed().output(), own);
    if (!output)
      return tl::unexpected<error>(output.error());
    output_ = std::move(*output);
    apply_end(store::log_status::completed,
              {errc::ok, {}, false, std::nullopt});
    break;
  }
  case facts::Fact::kRunFailed:
    apply_end(store::log_status::failed,
              {errc_from_string(fact.run_failed().error_code()),
               fact.run_failed().error_text(), false, std::nullopt});
    break;
  case facts::Fact::kRunCancelled:
    apply_end(
        store::log_status::cancelled,
        {errc::cancelled, fact.run_cancelled().reason(), false, std::nullopt});
    break;
  case facts::Fact::kRunParked:
    if (replay_at_ >= resumed_at_)
      apply_parked(fact.run_parked());
    break;
  case facts::Fact::kRunResumed:
    if (!replaying_) {
      resumed_ = true;
      status_ = pause_ ? store::log_status::paused : store::log_status::running;
    }
    break;
  case facts::Fact::kPauseRequested:
    begin_pause(fact.pause_requested(), fact.at_us());
    break;
  case facts::Fact::kRunPaused:
    pause_said_ = true;
    break;
  case facts::Fact::kPauseEnded:
    pause_staged_ = false;
    pause_.reset();
    if (phase_ == phase::running)
      status_ = store::log_status::running;
    break;
  case facts::Fact::kAttributesSet: {
    const auto& set = fact.attributes_set().attributes();
    attributes_ = {set.begin(), set.end()};
    break;
  }
  case facts::Fact::kTimerSet:
  case facts::Fact::kNoted:
  case facts::Fact::kStreamEnded:
  case facts::Fact::BODY_NOT_SET: // Of a later build: an event, no more.
    break;
  }
  return {};
}

// -- beginnings ---------------------------------------------------------------

result<void> durable_run::start_program(const facts::Body& input,
                                        const bodies& own) {
  status_ = pause_ ? store::log_status::paused : store::log_status::running;
  auto bytes = bytes_of(input, own);
  if (!bytes)
    return tl::unexpected<error>(bytes.error());
  input_ = std::move(*bytes);
  if (code_)
    root_ = code_(context{*this, {}}, input_);
  return {};
}

result<void> durable_run::apply_continued(const facts::RunContinued& fact,
                                          const bodies& own) {
  again_.reset();
  again_staged_ = false;
  if (!replaying_) {
    places_ = {}; // Of the log, replay has looked ahead at this turn's.
    base_version_ = stored_version_ - 1; // It is the last of its group.
    resumed_by_ = 0;
  }
  kind_ = fact.kind();
  strategy_ = fact.strategy();
  started_at_us_ = fact.started_at_us();
  usage_ = fact.usage();
  models_ = {fact.models().begin(), fact.models().end()};
  attributes_ = {fact.attributes().begin(), fact.attributes().end()};
  if (fact.has_paused())
    begin_pause(fact.paused(), fact.paused_at_us());
  pause_said_ = pause_.has_value(); // Nothing of it was under way.
  signals_seen_.clear();
  for (const auto& id : fact.signals_seen())
    signals_seen_.emplace(id, signals_seen_.size());
  signals_.clear();
  for (const auto& signal : fact.signals())
    apply_signal(signal);
  for (const auto& carried : fact.children())
    children_[carried.child()]
        = {carried.child_version(), carried.child_version()};
  return start_program(fact.input(), own);
}

// -- steps --------------------------------------------------------------------

result<void> durable_run::apply_outcome(const facts::StepCompleted& fact,
                                        const bodies& own) {
  count(fact);
  auto output = bytes_of(fact.output(), own);
  if (!output)
    return tl::unexpected<error>(output.error());
  settle(fact.step(), std::move(*output));
  return {};
}

void durable_run::apply_failure(const facts::StepFailed& fact) {
  auto code = errc_from_string(fact.error_code());
  auto* known = slot_of(fact.step());
  const auto* op = known ? known->waiting : nullptr;
  if (op && !replaying_)
    stop_lost(*op, fact.attempt(), code);
  // Whoever gave it up may have died before it was told to stop.
  else if (op && code == errc::timeout && op->outlives
           && op->stops_when_dropped)
    stop_attempt(*op, fact.attempt());
  settle(fact.step(), tl::unexpected<error>(
                          error{code, fact.error_text(), false, std::nullopt}));
}

/// The outcome goes to who waits for it, or is kept until it is asked for.
void durable_run::settle(const facts::StepId& step,
                         result<std::string> outcome) {
  auto* known = slot_of(step);
  if (!known)
    return;
  auto* op = known->waiting;
  if (!op) {
    known->outcome = std::make_unique<result<std::string>>(std::move(outcome));
    return;
  }
  if (outcome)
    completed(*op);
  resolve(*op, std::move(outcome));
}

void durable_run::apply_attempt(const facts::AttemptFailed& fact) {
  auto* known = slot_of(fact.step());
  if (!known)
    return;
  known->failed = fact.attempt();
  auto code = errc_from_string(fact.error_code());
  if (code == errc::overloaded)
    ++known->refused;
  if (code == errc::unavailable || code == errc::timeout)
    known->lost.push_back(fact.attempt());
  known->retry_at_us = fact.retry_at_us();
  if (!known->waiting)
    return;
  auto& op = *known->waiting;
  op.attempt_ = fact.attempt() + 1;
  op.not_before_us_ = fact.retry_at_us();
  op.started_ = false;
  op.settled_ = false;
  op.attempt_due_us_ = 0;
  op.refused_ = known->refused;
  op.barrier_ = decided_version_; // Its number rests on this fact.
  if (replaying_)
    return;
  stop_lost(op, fact.attempt(), code);
  op.read_back_ = false;
  if (op.not_before_us_ <= now_us_)
    make_ready(op);
  set_alarm(op);
}

void durable_run::apply_timer(const facts::TimerFired& fact) {
  auto* known = slot_of(fact.step());
  if (!known)
    return;
  known->fired = true;
  if (known->waiting)
    resolve(*known->waiting, std::string{});
}

/// What is known of the place of a fact; nothing if that is forgotten.
slot* durable_run::slot_of(const facts::StepId& step) {
  auto& known = places_.at(places_.of(step));
  return replay_at_ < known.forgotten_before ? nullptr : &known;
}

// -- what comes from outside --------------------------------------------------

void durable_run::apply_signal(const facts::SignalReceived& fact) {
  signals_seen_.emplace(fact.name() + '\x1f' + fact.signal_id(),
                        signals_seen_.size());
  if (fact.name().empty())
    return; // An event alone.
  auto first
      = std::find_if(listening_.begin(), listening_.end(),
                     [&](auto* op) { return op->signal == fact.name(); });
  if (first == listening_.end())
    signals_[fact.name()].push_back(fact);
  else
    resolve(**first, fact.payload());
}

void durable_run::apply_cancel(const facts::Fact& fact) {
  const auto& reason = fact.cancel_requested().reason();
  cancel_staged_ = true;
  cancelling_ = true;
  cancel_version_ = replaying_ ? stored_version_ : decided_version_;
  cancel_at_us_ = fact.at_us();
  cancelled_by_ = fact.cancel_requested().by();
  was_paused_ = pause_.has_value();
  pause_.reset(); // Clean-up must run.
  if (was_paused_ && phase_ == phase::running)
    status_ = store::log_status::running;
  failure_ = {errc::cancelled, reason.empty() ? "cancelled" : reason, false,
              std::nullopt};
  // Its coroutine cannot go on; the end is decided without it.
  if (phase_ == phase::parked) {
    if (!replaying_)
      end_cancelled();
    return;
  }
  if (again_) // It has left its frames already.
    closing_ = true;
  cancel_all();
}

void durable_run::apply_end(store::log_status status, error why) {
  phase_ = phase::ended;
  status_ = status;
  if (why.code != errc::ok)
    failure_ = std::move(why);
}

void durable_run::apply_parked(const facts::RunParked& fact) {
  phase_ = phase::parked;
  status_ = store::log_status::needs_operator;
  failure_ = {errc::mismatch, fact.reason(), false, std::nullopt};
  parked_ = std::make_unique<facts::RunParked>(fact);
}

// -- bodies and sums ----------------------------------------------------------

/// `own`: the bodies that go to disk with the fact; recorded ones are read from
/// the log's.
result<std::string> durable_run::bytes_of(const facts::Body& body,
                                          const bodies& own) const {
  if (body.at_case() != facts::Body::kBlob)
    return body.inline_();
  for (const auto& blob : own)
    if (blob.hash == body.blob())
      return blob.bytes;
  if (recorded_blobs_)
    if (auto at = recorded_blobs_->find(body.blob());
        at != recorded_blobs_->end())
      return at->second;
  return fail(errc::failed, "a body of " + std::to_string(body.size())
                                + " bytes is missing from the blob table");
}

void durable_run::count(const facts::StepCompleted& fact) {
  if (fact.has_usage()) {
    const auto& used = fact.usage();
    usage_.set_input_tokens(usage_.input_tokens() + used.input_tokens());
    usage_.set_output_tokens(usage_.output_tokens() + used.output_tokens());
    usage_.set_cost_nanousd(usage_.cost_nanousd() + used.cost_nanousd());
    if (!used.model().empty()) {
      usage_.set_model(used.model());
      usage_.set_provider(used.provider());
    }
  }
  for (const auto& use : fact.models()) {
    auto known = std::find_if(models_.begin(), models_.end(), [&](auto& m) {
      return m.model() == use.model() && m.provider() == use.provider();
    });
    if (known == models_.end()) {
      models_.push_back(use);
      continue;
    }
    known->set_executions(known->executions() + use.executions());
    known->set_tokens(known->tokens() + use.tokens());
    known->set_cost_nanousd(known->cost_nanousd() + use.cost_nanousd());
  }
}

} // namespace shannon::workflow
