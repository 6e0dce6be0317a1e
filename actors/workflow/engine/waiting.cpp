// Who waits: operations from when they are asked until they are resolved or
// dropped.

#include "actors/workflow/engine/run.hpp"

namespace shannon::workflow {

void durable_run::wait(operation& op) {
  op.waits_ = true;
  op.serial_ = ++asked_total_;
  op.read_back_ = replaying_;
  op.since_us_ = replaying_ ? 0 : now_us_;
  op.before_ = last_;
  (last_ ? last_->after_ : first_) = &op;
  last_ = &op;
  if (op.kind_ == operation::kind::signal)
    listening_.push_back(&op);
  else
    places_.at(op.where_).waiting = &op;
}

void durable_run::unlink(operation& op) {
  if (!std::exchange(op.waits_, false))
    return;
  (op.before_ ? op.before_->after_ : first_) = op.after_;
  (op.after_ ? op.after_->before_ : last_) = op.before_;
  op.before_ = op.after_ = nullptr;
  if (op.alarm_us_ != 0)
    alarms_.erase({op.alarm_us_, op.serial_});
  op.alarm_us_ = 0;
  if (op.kind_ == operation::kind::signal) {
    std::erase(listening_, &op);
    return;
  }
  places_.erase(op.where_);
  if (std::exchange(op.queued_, false))
    std::erase(queued_, &op);
  if (op.started_ && !op.settled_) {
    --under_way_;
    started_.erase(outside_name(op));
  }
}

/// Its coroutine goes on with `outcome` when its turn comes.
void durable_run::resolve(operation& op, result<std::string> outcome) {
  unlink(op);
  if (op.clock_of_)
    return cancel_branch(*op.clock_of_, clean_up_took_too_long());
  op.outcome_ = std::move(outcome);
  op.ready_ = true;
  ready_.push_back(&op);
}

/// Nobody waits for it any more.
void durable_run::drop(operation& op) noexcept {
  if (op.waits_) {
    stop_effect(op);
    unlink(op);
  }
  if (std::exchange(op.ready_, false))
    std::erase(ready_, &op);
}

/// When time alone decides something about `op`, its alarm rings.
void durable_run::set_alarm(operation& op) {
  std::int64_t due = 0;
  auto by = [&](std::int64_t at_us) {
    if (at_us != 0 && (due == 0 || at_us < due))
      due = at_us;
  };
  if (op.kind_ == operation::kind::timer) {
    by(op.due_us);
  } else {
    by(op.step_due_us_);
    if (op.started_)
      by(op.attempt_due_us_);
    else if (!op.queued_)
      by(op.not_before_us_);
  }
  if (due == op.alarm_us_)
    return;
  if (op.alarm_us_ != 0)
    alarms_.erase({op.alarm_us_, op.serial_});
  op.alarm_us_ = due;
  if (due != 0)
    alarms_.emplace(std::pair{due, op.serial_}, &op);
}

void durable_run::stop_effect(operation& op) {
  if (op.kind_ != operation::kind::effect || op.work || !op.stops_when_dropped)
    return;
  // An activation before this one may have started it, and have died before
  // it could stop it.
  bool started_before = op.read_back_ && (op.outlives || cancelling_);
  stop_lost(op);
  if (!op.settled_ && (op.started_ || started_before))
    stop_attempt(op, op.attempt_);
}

/// Attempts that the log holds as lost: whoever recorded that may have died
/// before it could tell.
void durable_run::stop_lost(const operation& op) {
  if (op.work || op.outlives || op.meets_earlier || !op.stops_when_dropped)
    return;
  if (const auto* known = places_.find(op.where_))
    for (auto attempt : known->lost)
      stop_attempt(op, attempt);
}

/// Nobody waits for an attempt whose worker was lost, or too slow; over there
/// it may go on, and cost money.
void durable_run::stop_lost(const operation& op, std::uint32_t attempt,
                            errc why) {
  if (op.work || op.outlives || !op.stops_when_dropped)
    return;
  if (why == errc::timeout || (why == errc::unavailable && !op.meets_earlier))
    stop_attempt(op, attempt);
}

/// The attempt has ended here. An owner before this one may have had it made
/// too, elsewhere.
void durable_run::stop_twin(const operation& op, std::uint32_t attempt) {
  if (op.read_back_ && !op.outlives && !op.meets_earlier
      && op.stops_when_dropped)
    stop_attempt(op, attempt);
}

std::string durable_run::outside_name(const operation& op) const {
  auto name = op.where_.text();
  if (base_version_ != 0)
    name += "@" + std::to_string(base_version_);
  if (op.resumed_ != 0)
    name += "+" + std::to_string(op.resumed_);
  return name;
}

/// When a run is parked, or drops a branch, what it has under way is told to
/// stop; who remembers that may tell a worker a minute later. So a run that
/// goes on asks under other names. But a run of its own goes on as it was, and
/// an action of a browser that was not told to stop may have been carried out:
/// asked for again, it is answered.
log_version durable_run::resumed_before(const operation& op,
                                        const slot& known) const {
  if (op.outlives)
    return 0;
  return op.meets_earlier ? known.forgotten_by : resumed_by_;
}

/// Of a run that is being cancelled each is owed: were its end in the same
/// append as the wish to cancel it, a crash behind that would leave nobody to
/// tell.
void durable_run::stop_attempt(const operation& op, std::uint32_t attempt) {
  bool owed = op.outlives || cancelling_;
  stops_.push_back(
      {{outside_name(op), std::string{op.effect}, attempt, op.input, owed},
       decided_version_});
  stops_owed_ += owed ? 1 : 0;
}

} // namespace shannon::workflow
