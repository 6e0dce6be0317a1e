#include "protocols/facts/fact.hpp"

#include <array>
#include <cstddef>

namespace shannon::facts {

namespace {

/// Where the message comes from.
enum class text : unsigned char {
  fixed,
  step, ///< The fact's own place.
};

struct wording {
  const char* type;
  const char* agent = "";
  const char* message = "";
  text from = text::fixed;
};

/// The number of a wording is its place here, from 1. Never change a line,
/// never take one away: add at the end.
constexpr std::array<wording, 14> wordings{{
    {"WORKFLOW_STARTED"},
    {"WORKFLOW_STARTED", "orchestrator", "Starting up"},
    {"STEP_RECORDED", "", "", text::step},
    {"STEP_STARTED", "", "", text::step},
    {"NOTED", "", "", text::step},
    {"ATTRIBUTES_SET", "", "", text::step},
    {"TIMER_SET", "", "", text::step},
    {"TIMER_FIRED", "", "", text::step},
    {"WORKFLOW_CONTINUED", "", "Continues as new"},
    {"WORKFLOW_COMPLETED", "orchestrator", "All done"},
    {"STREAM_END", "orchestrator", "Done"},
    {"AGENT_STARTED"},
    {"WORKFLOW_RESUMED", "orchestrator"},
    {"WORKFLOW_PARKED"},
}};

bool says(const Fact& fact, const wording& usual) {
  const auto& event = fact.event();
  if (event.type() != usual.type || event.agent_id() != usual.agent)
    return false;
  if (usual.from == text::fixed)
    return event.message() == usual.message;
  const auto* place = place_of(fact);
  return place != nullptr && event.message() == to_string(*place);
}

} // namespace

std::string to_string(const StepId& id) {
  auto number = std::to_string(id.occurrence());
  std::string text;
  text.reserve(id.scope().size() + id.key().size() + number.size() + 2);
  text += id.scope();
  if (!text.empty())
    text += '/';
  text += id.key();
  text += '#';
  text += number;
  return text;
}

const StepId* place_of(const Fact& fact) {
  switch (fact.body_case()) {
  case Fact::kStepCompleted:
    return &fact.step_completed().step();
  case Fact::kAttemptFailed:
    return &fact.attempt_failed().step();
  case Fact::kStepFailed:
    return &fact.step_failed().step();
  case Fact::kStepStarted:
    return &fact.step_started().step();
  case Fact::kTimerSet:
    return &fact.timer_set().step();
  case Fact::kTimerFired:
    return &fact.timer_fired().step();
  case Fact::kNoted:
    return &fact.noted().step();
  case Fact::kAttributesSet:
    return &fact.attributes_set().step();
  default:
    return nullptr;
  }
}

void shorten_event(Fact& fact) {
  if (!fact.has_event() || !fact.event().payload_json().empty())
    return;
  for (std::size_t i = 0; i < wordings.size(); ++i)
    if (says(fact, wordings[i])) {
      fact.mutable_event()->Clear();
      fact.mutable_event()->set_usual(static_cast<std::uint32_t>(i + 1));
      return;
    }
}

void spell_out_event(Fact& fact) {
  auto number = fact.event().usual();
  if (number == 0)
    return;
  auto& event = *fact.mutable_event();
  event.clear_usual();
  if (number > wordings.size()) {
    event.set_type("EVENT");
    return;
  }
  const auto& usual = wordings[number - 1];
  event.set_type(usual.type);
  event.set_agent_id(usual.agent);
  if (usual.from == text::fixed)
    event.set_message(usual.message);
  else if (const auto* place = place_of(fact))
    event.set_message(to_string(*place));
}

bool read_fact(Fact& fact, std::string_view bytes) {
  if (!fact.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return false;
  spell_out_event(fact);
  return true;
}

} // namespace shannon::facts
