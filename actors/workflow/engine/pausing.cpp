// A run that is paused: what is under way ends by itself, nothing is begun.

#include "actors/workflow/engine/events.hpp"
#include "actors/workflow/engine/run.hpp"

#include <algorithm>
#include <utility>

namespace shannon::workflow {

/// An agent's facts are told to its task's clients too: they must not be taken
/// for those of the task.
facts::Event durable_run::pause_event(const char* what,
                                      std::string reason) const {
  bool is_agent = kind_ == "agent";
  auto event = event_of((is_agent ? "AGENT_" : "WORKFLOW_") + std::string{what},
                        std::move(reason));
  event.set_agent_id(is_agent ? "agent" : "orchestrator");
  return event;
}

bool durable_run::pause(std::string reason, std::string by,
                        std::int64_t now_us) {
  if (phase_ != phase::running || pause_ || pause_staged_ || cancel_staged_
      || closing_ || finishing_)
    return false;
  pause_staged_ = true;
  now_us_ = now_us;
  facts::Fact fact;
  *fact.mutable_event() = pause_event("PAUSING", reason);
  fact.mutable_pause_requested()->set_reason(std::move(reason));
  fact.mutable_pause_requested()->set_by(std::move(by));
  stage(std::move(fact));
  go_on();
  return true;
}

bool durable_run::go_on_from_pause(std::string reason, std::string by,
                                   std::int64_t now_us) {
  if (phase_ != phase::running || !pause_ || pause_staged_ || cancel_staged_)
    return false;
  pause_staged_ = true;
  now_us_ = now_us;
  facts::Fact fact;
  *fact.mutable_event() = pause_event("RESUMED", reason);
  fact.mutable_pause_ended()->set_reason(std::move(reason));
  fact.mutable_pause_ended()->set_by(std::move(by));
  stage(std::move(fact));
  go_on();
  return true;
}

void durable_run::begin_pause(const facts::PauseRequested& why,
                              std::int64_t at_us) {
  pause_staged_ = false;
  ever_paused_ = true;
  if (cancelling_)
    return;
  auto& now = pause_.emplace();
  now.set_reason(why.reason());
  now.set_by(why.by());
  now.set_at_us(at_us);
  pause_said_ = false;
  if (phase_ == phase::running)
    status_ = store::log_status::paused;
}

/// A run that goes on without this one must be found again after a crash, or
/// nobody would be there to take its end.
bool durable_run::is_held(const operation& op) const {
  return pause_ && !(op.outlives && op.read_back_);
}

/// Other runs are told to pause themselves; they are not waited for.
void durable_run::say_paused() {
  if (!pause_ || pause_said_ || pause_staged_ || phase_ != phase::running
      || closing_ || applied_ != decided_.size())
    return;
  const operation* next = nullptr;
  for (auto* op = first_; op; op = op->after_) {
    if (op->kind_ != operation::kind::effect)
      continue;
    if (op->started_ && !op->settled_ && !op->outlives)
      return;
    if (!op->started_ && !next)
      next = op;
  }
  pause_said_ = true;
  facts::Fact fact;
  auto checkpoint = next ? next->where_.text() : std::string{};
  *fact.mutable_event() = pause_event("PAUSED", pause_->reason());
  fact.mutable_event()->set_payload_json("{\"checkpoint\":\"" + checkpoint
                                         + "\"}");
  fact.mutable_run_paused()->set_checkpoint(std::move(checkpoint));
  stage(std::move(fact));
}

} // namespace shannon::workflow
