// What coroutines ask of a run: a recorded outcome at once, or a place to wait.

#include "actors/kit/bytes_text.hpp"
#include "actors/workflow/engine/events.hpp"
#include "actors/workflow/engine/run.hpp"

namespace shannon::workflow {

bool durable_run::admit(operation& op) {
  if (const auto* why = cancelled_by(op.scope_.get())) {
    op.outcome_ = tl::unexpected<error>(*why);
    return true;
  }
  bool known = false;
  switch (op.kind_) {
  case operation::kind::effect:
    known = admit_effect(op);
    break;
  case operation::kind::timer:
    known = admit_timer(op);
    break;
  case operation::kind::signal:
    known = admit_signal(op);
    break;
  }
  if (!known && cancelling_)
    wind_clock(op);
  return known;
}

bool durable_run::admit_effect(operation& op) {
  if (!op.work)
    op.input_hash_ = input_hash(op.effect, op.identity);
  auto& known = places_.at(op.where_);
  if (known.recorded && !is_same_input(op, known)) {
    mismatch(op, known);
    return false;
  }
  if (known.outcome) {
    op.outcome_ = std::move(*known.outcome);
    places_.erase(op.where_);
    if (*op.outcome_)
      completed(op);
    return true;
  }
  op.resumed_ = resumed_before(op, known);
  op.attempts_before_ = known.forgotten;
  op.attempt_ = std::max(known.failed, known.forgotten) + 1;
  op.refused_ = known.refused;
  op.not_before_us_ = known.retry_at_us;
  op.step_due_us_ = deadline_of(op);
  op.barrier_ = decided_version_;
  wait(op);
  if (replaying_)
    return false; // What becomes of it may be recorded yet.
  if (op.not_before_us_ <= now_us_)
    make_ready(op);
  set_alarm(op);
  return false;
}

/// What is started here and goes on there may have to stop with the run.
void durable_run::completed(operation& op) {
  if (op.stops_at_end)
    at_end_.push_back({outside_name(op), std::string{op.effect}, op.attempt_,
                       op.input, true});
}

/// It may be started, once what it rests on is on disk.
void durable_run::make_ready(operation& op) {
  if (op.options.at_most_once)
    announce(op);
  if (op.settled_)
    return;
  op.queued_ = true;
  queued_.push_back(&op);
}

/// Attempts that must not be made twice are recorded before they are made.
void durable_run::announce(operation& op) {
  auto& known = places_.at(op.where_);
  if (known.announced == op.attempt_) {
    // By an earlier activation: whether it was made nobody can tell.
    outcome_of(op, {fail(errc::failed, "was under way at a crash, and is made "
                                       "at most once"),
                    {},
                    {},
                    0});
    return;
  }
  facts::Fact fact;
  auto& started = *fact.mutable_step_started();
  op.where_.to(*started.mutable_step());
  started.set_attempt(op.attempt_);
  started.set_input_hash(op.input_hash_);
  *fact.mutable_event() = event_of("STEP_STARTED", op.where_.text());
  known.announced = op.attempt_;
  stage(std::move(fact));
  op.barrier_ = decided_version_;
}

/// When the whole step is over: recorded when it was first asked for.
std::int64_t durable_run::deadline_of(const operation& op) {
  if (op.options.total_timeout.count() == 0)
    return 0;
  auto& known = places_.at(op.where_);
  if (known.deadline_us != 0)
    return known.deadline_us;
  known.deadline_us = now_us_ + op.options.total_timeout.count() * 1000;
  facts::Fact fact;
  auto& set = *fact.mutable_timer_set();
  op.where_.to(*set.mutable_step());
  set.set_due_at_us(known.deadline_us);
  set.set_is_deadline(true);
  *fact.mutable_event() = event_of("TIMER_SET", op.where_.text() + ".deadline");
  stage(std::move(fact));
  return known.deadline_us;
}

bool durable_run::admit_timer(operation& op) {
  auto& known = places_.at(op.where_);
  if (known.fired) {
    op.outcome_ = std::string{};
    places_.erase(op.where_);
    return true;
  }
  if (known.due_us == 0) {
    known.due_us = op.due_us;
    facts::Fact fact;
    op.where_.to(*fact.mutable_timer_set()->mutable_step());
    fact.mutable_timer_set()->set_due_at_us(op.due_us);
    *fact.mutable_event() = event_of("TIMER_SET", op.where_.text());
    stage(std::move(fact));
  }
  op.due_us = known.due_us;
  wait(op);
  if (!replaying_)
    set_alarm(op);
  return false;
}

bool durable_run::admit_signal(operation& op) {
  if (auto at = signals_.find(op.signal); at != signals_.end()) {
    op.outcome_ = std::move(*at->second.front().mutable_payload());
    at->second.erase(at->second.begin());
    if (at->second.empty())
      signals_.erase(at);
    return true;
  }
  wait(op);
  return false;
}

std::string durable_run::note(const place& where, facts::Event event,
                              const std::function<std::string()>& value) {
  if (auto* known = places_.find(where); known && known->note) {
    auto recorded = std::move(*known->note);
    places_.erase(where);
    return recorded;
  }
  auto fresh = value();
  facts::Fact fact;
  where.to(*fact.mutable_noted()->mutable_step());
  fact.mutable_noted()->set_value(fresh);
  if (event.type().empty())
    event = event_of("NOTED", where.text());
  *fact.mutable_event() = std::move(event);
  stage(std::move(fact));
  return fresh;
}

void durable_run::set_attributes(
    const place& where, std::map<std::string, std::string> attributes) {
  if (auto* known = places_.find(where); known && known->note) {
    places_.erase(where);
    return;
  }
  facts::Fact fact;
  auto& set = *fact.mutable_attributes_set();
  where.to(*set.mutable_step());
  set.mutable_attributes()->insert(attributes.begin(), attributes.end());
  *fact.mutable_event() = event_of("ATTRIBUTES_SET", where.text());
  stage(std::move(fact));
}

void durable_run::continue_with(std::string input) {
  again_ = std::move(input);
}

// -- changed code -------------------------------------------------------------

bool durable_run::is_same_input(const operation& op, const slot& known) const {
  // Earlier builds recorded half a SHA-256.
  if (known.input_hash.size() == old_input_hash_bytes && !op.work)
    return known.input_hash == old_input_hash(op.effect, op.identity);
  return known.input_hash == op.input_hash_;
}

void durable_run::mismatch(const operation& op, const slot& known) {
  if (phase_ != phase::running)
    return;
  facts::Fact fact;
  auto& parked = *fact.mutable_run_parked();
  op.where_.to(*parked.mutable_step());
  parked.set_reason("step " + op.where_.text()
                    + ": the code asks for another input "
                      "than the log has recorded");
  parked.set_recorded("input " + kit::to_hex(known.input_hash)
                      + recorded_text(known.fact, known.outcome.get()));
  parked.set_asked("input " + kit::to_hex(op.input_hash_) + ", "
                   + std::string{op.effect}
                   + (op.input ? ": " + readable(op.input->ShortDebugString())
                               : std::string{}));
  *fact.mutable_event()
      = event_of("WARNING", "Needs an operator: " + parked.reason());
  failure_ = {errc::mismatch, parked.reason(), false, std::nullopt};
  stand_still(std::move(fact));
}

} // namespace shannon::workflow
