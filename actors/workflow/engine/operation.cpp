#include "actors/workflow/engine/operation.hpp"

#include "actors/workflow/engine/run.hpp"

namespace shannon::workflow {

std::string to_string(const facts::StepId& id) {
  std::string text;
  if (!id.scope().empty())
    text = id.scope() + "/";
  text += id.key();
  text += "#" + std::to_string(id.occurrence());
  return text;
}

operation::operation(durable_run& run, kind what, facts::StepId id)
    : run_(run), kind_(what), id_(std::move(id)), key_(to_string(id_)) {}

operation::~operation() {
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
