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

facts::Fact bare(facts::Fact fact) {
  fact.clear_event();
  switch (fact.body_case()) {
  case facts::Fact::kRunStarted:
    fact.mutable_run_started()->clear_input();
    break;
  case facts::Fact::kStepCompleted:
    fact.mutable_step_completed()->clear_output();
    fact.mutable_step_completed()->clear_models();
    break;
  case facts::Fact::kRunCompleted:
    fact.mutable_run_completed()->clear_output();
    break;
  case facts::Fact::kRunContinued:
    fact.mutable_run_continued()->clear_input();
    break;
  case facts::Fact::kSignalReceived:
    fact.mutable_signal_received()->clear_payload();
    break;
  case facts::Fact::kNoted:
    fact.mutable_noted()->clear_value();
    break;
  default:
    break;
  }
  return fact;
}

} // namespace shannon::history
