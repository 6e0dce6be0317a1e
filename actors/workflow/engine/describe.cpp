// What a run says about itself.

#include "actors/workflow/engine/phase_text.hpp"
#include "actors/workflow/engine/run.hpp"

namespace shannon::workflow {

const char* to_text(durable_run::phase which) {
  switch (which) {
  case durable_run::phase::empty:
    return "empty";
  case durable_run::phase::running:
    return "running";
  case durable_run::phase::parked:
    return "parked";
  case durable_run::phase::ended:
    return "ended";
  }
  return "unknown";
}

remote::RunDescription durable_run::describe() const {
  remote::RunDescription all;
  all.set_phase(to_text(phase_));
  all.set_version(stored_version_);
  all.set_cancelling(cancelling_);
  all.set_failure(failure_.text);
  if (pause_)
    *all.mutable_pause() = *pause_;
  if (cancelling_) {
    all.set_cancel_reason(failure_.text);
    all.set_cancelled_by(cancelled_by_);
  }
  for (auto* op = first_; op; op = op->after_) {
    auto& wait = *all.add_waits();
    wait.set_key(op->where_.text());
    wait.set_since_us(op->since_us_);
    switch (op->kind_) {
    case operation::kind::effect:
      wait.set_kind("effect");
      wait.set_what(std::string{op->effect});
      wait.set_attempt(op->attempt_);
      wait.set_under_way(op->started_ && !op->settled_);
      if (!op->started_ && op->not_before_us_ > now_us_)
        wait.set_due_us(op->not_before_us_);
      else
        wait.set_due_us(op->alarm_us_);
      break;
    case operation::kind::timer:
      wait.set_kind("timer");
      wait.set_due_us(op->due_us);
      break;
    case operation::kind::signal:
      wait.set_kind("signal");
      wait.set_what(op->signal);
      break;
    }
  }
  for (const auto& stop : stops_told_) {
    auto& wait = *all.add_waits();
    wait.set_kind("stop");
    wait.set_key(stop.key);
    wait.set_what(stop.effect);
    wait.set_attempt(stop.attempt);
    wait.set_under_way(true);
  }
  if (parked_ && phase_ == phase::parked) {
    all.set_recorded(parked_->recorded());
    all.set_asked(parked_->asked());
    if (parked_->has_step())
      *all.mutable_parked_at() = parked_->step();
  }
  return all;
}

result<std::string> durable_run::query(const std::string& name,
                                       std::string_view payload) const {
  auto at = queries_.find(name);
  if (at == queries_.end())
    return fail(errc::not_found,
                "no query " + name + ": the run's program answers "
                    + std::to_string(queries_.size()) + " others now");
  return (*at->second)(payload);
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
