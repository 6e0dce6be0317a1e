#include "actors/workflow/history/bodies.hpp"

namespace shannon::history {

const facts::Body* body_of(const facts::Fact& fact) {
  switch (fact.body_case()) {
  case facts::Fact::kRunStarted:
    return &fact.run_started().input();
  case facts::Fact::kStepCompleted:
    return &fact.step_completed().output();
  case facts::Fact::kRunCompleted:
    return &fact.run_completed().output();
  case facts::Fact::kRunContinued:
    return &fact.run_continued().input();
  default:
    return nullptr;
  }
}

facts::Body* mutable_body_of(facts::Fact& fact) {
  switch (fact.body_case()) {
  case facts::Fact::kRunStarted:
    return fact.mutable_run_started()->mutable_input();
  case facts::Fact::kStepCompleted:
    return fact.mutable_step_completed()->mutable_output();
  case facts::Fact::kRunCompleted:
    return fact.mutable_run_completed()->mutable_output();
  case facts::Fact::kRunContinued:
    return fact.mutable_run_continued()->mutable_input();
  default:
    return nullptr;
  }
}

const store::blob_hash* reference_of(const facts::Fact& fact) {
  const auto* body = body_of(fact);
  return body && body->at_case() == facts::Body::kBlob ? &body->blob()
                                                       : nullptr;
}

} // namespace shannon::history
