// What coroutines ask of a run: a recorded outcome at once, or a place to wait.

#include "actors/workflow/engine/events.hpp"
#include "actors/workflow/engine/run.hpp"

namespace shannon::workflow {

// -- what operation and context ask -------------------------------------------

facts::StepId durable_run::place(std::string_view scope, std::string_view key) {
  facts::StepId id;
  id.set_scope(std::string{scope});
  id.set_key(std::string{key});
  id.set_occurrence(++occurrences_[id.scope() + "/" + id.key()]);
  return id;
}

std::string durable_run::note(facts::StepId id, facts::Event event,
                              const std::function<std::string()>& value) {
  auto key = to_string(id);
  if (auto at = notes_.find(key); at != notes_.end())
    return at->second;
  auto fresh = value();
  notes_.emplace(key, fresh);
  facts::Fact fact;
  *fact.mutable_noted()->mutable_step() = std::move(id);
  fact.mutable_noted()->set_value(fresh);
  if (event.type().empty())
    event = event_of("NOTED", key);
  *fact.mutable_event() = std::move(event);
  stage(std::move(fact), {}, now_us_);
  return fresh;
}

bool durable_run::admit(operation& op) {
  if (cancelling_) {
    op.outcome_ = tl::unexpected<error>(failure_);
    return true;
  }
  switch (op.kind_) {
  case operation::kind::effect:
    return admit_effect(op);
  case operation::kind::timer:
    return admit_timer(op);
  case operation::kind::signal:
    return admit_signal(op);
  }
  return false;
}

bool durable_run::admit_effect(operation& op) {
  op.input_hash_ = sha256(op.effect + "\n" + op.identity);
  op.input_hash_.resize(16);
  auto recorded = recorded_hashes_.find(op.key_);
  if (recorded != recorded_hashes_.end()
      && recorded->second != op.input_hash_) {
    mismatch(op, recorded->second);
    return false;
  }
  if (auto at = outcomes_.find(op.key_); at != outcomes_.end()) {
    op.outcome_ = std::move(at->second.output);
    outcomes_.erase(at);
    return true;
  }
  if (auto at = attempts_.find(op.key_); at != attempts_.end()) {
    op.attempt_ = at->second.failed + 1;
    op.not_before_us_ = at->second.retry_at_us;
  }
  // A key is asked for once in an activation: this is from an earlier one.
  if (auto at = announced_.find(op.key_); at != announced_.end())
    op.announced_ = at->second == op.attempt_;
  op.step_due_us_ = deadline_of(op);
  op.barrier_ = decided_version_;
  waiting_[op.key_] = &op;
  return false;
}

/// When the whole step is over: recorded when it was first asked for.
std::int64_t durable_run::deadline_of(const operation& op) {
  if (op.options.total_timeout.count() == 0)
    return 0;
  auto key = op.key_ + ".deadline";
  if (auto at = timers_.find(key); at != timers_.end())
    return at->second;
  auto due = now_us_ + op.options.total_timeout.count() * 1000;
  timers_[key] = due;
  facts::Fact fact;
  auto& id = *fact.mutable_timer_set()->mutable_step();
  id = op.id_;
  fact.mutable_timer_set()->set_due_at_us(due);
  fact.mutable_timer_set()->set_is_deadline(true);
  *fact.mutable_event() = event_of("TIMER_SET", key);
  stage(std::move(fact), {}, now_us_);
  return due;
}

/// Attempts that must not be made twice are recorded before they are made.
/// True if something was decided.
bool durable_run::announce_attempts() {
  if (phase_ != phase::running)
    return false;
  std::vector<operation*> due;
  for (auto& [key, op] : waiting_)
    if (op->options.at_most_once && !op->started_ && !op->settled_
        && op->not_before_us_ <= now_us_
        && (op->announced_ || announced_[key] != op->attempt_))
      due.push_back(op);
  for (auto* op : due) {
    if (op->announced_) {
      // By an earlier activation: whether it was made nobody can tell.
      op->started_ = true;
      outcome_of(*op,
                 {fail(errc::failed, "was under way at a crash, and is made "
                                     "at most once"),
                  {},
                  {},
                  0},
                 now_us_);
      continue;
    }
    facts::Fact fact;
    *fact.mutable_step_started()->mutable_step() = op->id_;
    fact.mutable_step_started()->set_attempt(op->attempt_);
    fact.mutable_step_started()->set_input_hash(op->input_hash_);
    *fact.mutable_event() = event_of("STEP_STARTED", op->key_);
    announced_[op->key_] = op->attempt_;
    stage(std::move(fact), {}, now_us_);
    op->barrier_ = decided_version_;
  }
  return !due.empty();
}

bool durable_run::admit_timer(operation& op) {
  if (timers_fired_.count(op.key_) != 0) {
    op.outcome_ = std::string{};
    return true;
  }
  if (timers_.count(op.key_) == 0) {
    auto due = now_us_ + op.delay.count();
    timers_[op.key_] = due;
    facts::Fact fact;
    *fact.mutable_timer_set()->mutable_step() = op.id_;
    fact.mutable_timer_set()->set_due_at_us(due);
    *fact.mutable_event() = event_of("TIMER_SET", op.key_);
    stage(std::move(fact), {}, now_us_);
  }
  waiting_[op.key_] = &op;
  return false;
}

bool durable_run::admit_signal(operation& op) {
  if (auto& buffered = signals_[op.signal]; !buffered.empty()) {
    op.outcome_ = std::move(buffered.front());
    buffered.pop_front();
    return true;
  }
  listening_[op.signal].push_back(&op);
  return false;
}

void durable_run::mismatch(const operation& op, const std::string& recorded) {
  auto hex = [](const std::string& bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (unsigned char c : bytes) {
      text += digits[c >> 4];
      text += digits[c & 15];
    }
    return text;
  };
  if (phase_ != phase::running)
    return;
  facts::Fact fact;
  auto& parked = *fact.mutable_run_parked();
  *parked.mutable_step() = op.id_;
  parked.set_reason("step " + op.key_
                    + ": the code asks for another input "
                      "than the log has recorded");
  parked.set_recorded(hex(recorded));
  parked.set_asked(hex(op.input_hash_) + " "
                   + op.input->ShortDebugString().substr(0, 2000));
  *fact.mutable_event()
      = event_of("WARNING", "Needs an operator: " + parked.reason());
  failure_ = {errc::mismatch, parked.reason(), false, std::nullopt};
  stand_still(std::move(fact));
}

void durable_run::drop(operation& op) noexcept {
  auto at = waiting_.find(op.key_);
  if (at != waiting_.end() && at->second == &op) {
    stop_effect(op);
    waiting_.erase(at);
  }
  if (op.kind_ == operation::kind::signal)
    std::erase(listening_[op.signal], &op);
  std::erase(ready_, &op);
}

void durable_run::stop_effect(operation& op) {
  if (op.kind_ == operation::kind::effect && op.started_ && !op.settled_)
    stop_attempt(op, op.attempt_);
}

void durable_run::stop_attempt(const operation& op, std::uint32_t attempt) {
  stops_.push_back({{op.key_, op.effect, attempt, op.input},
                    decided_version_,
                    op.outlives});
  stops_owed_ += op.outlives;
}

} // namespace shannon::workflow
