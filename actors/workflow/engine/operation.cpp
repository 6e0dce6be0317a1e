#include "actors/workflow/engine/operation.hpp"

#include "actors/workflow/engine/run.hpp"

namespace shannon::workflow {

operation::operation(durable_run& run, kind what, place where,
                     std::shared_ptr<cancel_state> scope)
    : run_(run), kind_(what), where_(where), scope_(std::move(scope)) {}

operation::~operation() {
  if (waits_ || ready_)
    run_.drop(*this);
}

bool operation::await_ready() {
  return run_.admit(*this);
}

std::string operation::await_resume() {
  if (!*outcome_)
    throw step_failed{outcome_->error()};
  return std::move(**outcome_);
}

} // namespace shannon::workflow
