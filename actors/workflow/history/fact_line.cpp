#include "actors/workflow/history/fact_line.hpp"

#include "protocols/facts/fact.hpp"

namespace shannon::history {

namespace {

std::string reason(const std::string& code, const std::string& text) {
  if (code.empty() && text.empty())
    return {};
  return ": " + code + (code.empty() || text.empty() ? "" : ": ") + text;
}

/// Everything but kind and place.
std::string rest_of(const facts::Fact& fact) {
  auto attempt = [](std::uint32_t number) {
    return ", attempt " + std::to_string(number);
  };
  switch (fact.body_case()) {
  case facts::Fact::kRunStarted:
    return " " + fact.run_started().kind() + " "
           + fact.run_started().strategy();
  case facts::Fact::kStepCompleted:
    return attempt(fact.step_completed().attempt())
           + (fact.step_completed().possible_repeat() ? ", possible repeat"
                                                      : "");
  case facts::Fact::kAttemptFailed:
    return attempt(fact.attempt_failed().attempt())
           + reason(fact.attempt_failed().error_code(),
                    fact.attempt_failed().error_text());
  case facts::Fact::kStepFailed:
    return attempt(fact.step_failed().attempt())
           + (fact.step_failed().possible_repeat() ? ", possible repeat" : "")
           + reason(fact.step_failed().error_code(),
                    fact.step_failed().error_text());
  case facts::Fact::kStepStarted:
    return attempt(fact.step_started().attempt());
  case facts::Fact::kTimerSet:
    return fact.timer_set().is_deadline() ? ", deadline" : "";
  case facts::Fact::kSignalReceived:
    return " " + fact.signal_received().name();
  case facts::Fact::kChildProgressed:
    return " " + fact.child_progressed().child() + " version "
           + std::to_string(fact.child_progressed().child_version());
  case facts::Fact::kCancelRequested:
    return reason({}, fact.cancel_requested().reason());
  case facts::Fact::kRunFailed:
    return reason(fact.run_failed().error_code(),
                  fact.run_failed().error_text());
  case facts::Fact::kRunCancelled:
    return reason({}, fact.run_cancelled().reason());
  case facts::Fact::kRunParked:
    return reason({}, fact.run_parked().reason());
  case facts::Fact::kRunResumed:
    return reason({}, fact.run_resumed().reason());
  case facts::Fact::kPauseRequested:
    return reason({}, fact.pause_requested().reason());
  case facts::Fact::kPauseEnded:
    return reason({}, fact.pause_ended().reason());
  default:
    return {};
  }
}

} // namespace

std::string kind_of(const facts::Fact& fact) {
  const auto* field = facts::Fact::descriptor()->FindFieldByNumber(
      static_cast<int>(fact.body_case()));
  return field ? field->message_type()->name() : "a fact of another build";
}

std::string fact_line(const facts::Fact& fact) {
  auto line = kind_of(fact);
  if (const auto* place = place_of(fact))
    line += " " + facts::to_string(*place);
  return line + rest_of(fact);
}

} // namespace shannon::history
