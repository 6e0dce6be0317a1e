#include "actors/gateway/resources/run_events.hpp"

#include "actors/gateway/text/identifiers.hpp"
#include "protocols/facts/fact.hpp"

namespace shannon::gateway {

namespace {

using facts::Fact;

bool is_detail(const Fact& fact) {
  switch (fact.body_case()) {
  case Fact::kStepStarted:
  case Fact::kTimerSet:
  case Fact::kNoted:
  case Fact::kAttemptFailed:
    return true;
  default:
    return false;
  }
}

/// A child's own word tells whether it begins, goes on or has ended.
std::string child_type(const facts::Event& event) {
  if (event.type() == "AGENT_STARTED")
    return "CHILD_STARTED";
  if (event.type() == "AGENT_COMPLETED")
    return "CHILD_COMPLETED";
  if (event.type() == "ERROR_OCCURRED")
    return "CHILD_FAILED";
  return "EVENT";
}

std::string end_type(const Fact& fact) {
  return fact.run_failed().error_code() == "timeout" ? "WF_TIMEOUT"
                                                     : "WF_FAILED";
}

} // namespace

run_event event_of(const store::recorded_fact& fact) {
  Fact parsed;
  facts::read_fact(parsed, fact.bytes);
  run_event what{fact.version, fact.at, {}, parsed.has_stream_ended()};
  what.event.Swap(parsed.mutable_event());
  return what;
}

run_event event_of(const remote::RunEvent& news) {
  return {news.version(),
          std::chrono::system_clock::time_point{
              std::chrono::microseconds{news.at_us()}},
          news.event(), news.last()};
}

json_out event_json(const std::string& task, const run_event& what) {
  json_out all;
  all["workflow_id"] = task;
  all["type"] = what.event.type();
  if (!what.event.agent_id().empty())
    all["agent_id"] = what.event.agent_id();
  if (!what.event.message().empty())
    all["message"] = what.event.message();
  if (auto payload = stored_json(what.event.payload_json()); !payload.is_null())
    all["payload"] = std::move(payload);
  all["timestamp"] = timestamp(what.at);
  all["seq"] = what.version;
  all["stream_id"] = std::to_string(what.version);
  return all;
}

std::string timeline_type(const Fact& fact) {
  switch (fact.body_case()) {
  case Fact::kRunStarted:
    return "WF_STARTED";
  case Fact::kStepStarted:
    return "ACT_STARTED";
  case Fact::kStepCompleted:
    return fact.step_completed().effect() == "agent" ? "CHILD_COMPLETED"
                                                     : "ACT_COMPLETED";
  case Fact::kAttemptFailed:
    return "ACT_FAILED";
  case Fact::kStepFailed:
    return fact.step_failed().error_code() == "timeout"     ? "ACT_TIMEOUT"
           : fact.step_failed().error_code() == "cancelled" ? "ACT_CANCELLED"
                                                            : "ACT_FAILED";
  case Fact::kTimerSet:
    return "TIMER_STARTED";
  case Fact::kTimerFired:
    return "TIMER_FIRED";
  case Fact::kSignalReceived:
  case Fact::kCancelRequested:
  case Fact::kPauseRequested:
  case Fact::kPauseEnded:
    return "SIG_RECEIVED";
  case Fact::kChildProgressed:
    return child_type(fact.event());
  case Fact::kNoted:
    return "MARKER_RECORDED";
  case Fact::kRunCompleted:
    return "WF_COMPLETED";
  case Fact::kRunFailed:
    return end_type(fact);
  case Fact::kRunCancelled:
    return "WF_CANCELLED";
  case Fact::kRunParked:
  case Fact::kStreamEnded:
  case Fact::kAttributesSet:
  case Fact::kRunContinued:
  case Fact::kRunResumed:
  case Fact::kRunPaused:
  case Fact::BODY_NOT_SET:
    return "EVENT";
  }
  return "EVENT";
}

json_out timeline_json(const std::string& task,
                       const std::vector<store::recorded_fact>& facts,
                       timeline_mode mode, bool with_payloads) {
  auto events = json_out::array();
  for (const auto& recorded : facts) {
    Fact fact;
    facts::read_fact(fact, recorded.bytes);
    if (mode == timeline_mode::summary && is_detail(fact))
      continue;
    auto seq = std::to_string(recorded.version);
    json_out line;
    // The same fact has the same id at each reading.
    line["id"] = named_uuid("timeline" + task + "/" + seq);
    line["workflow_id"] = task;
    line["type"] = timeline_type(fact);
    if (!fact.event().agent_id().empty())
      line["agent_id"] = fact.event().agent_id();
    if (!fact.event().message().empty())
      line["message"] = fact.event().message();
    if (with_payloads)
      if (auto payload = stored_json(fact.event().payload_json());
          !payload.is_null())
        line["payload"] = std::move(payload);
    line["timestamp"] = timestamp(recorded.at);
    line["seq"] = recorded.version;
    line["stream_id"] = seq;
    line["created_at"] = timestamp(recorded.at);
    events.push_back(std::move(line));
  }
  auto total = events.size();
  json_out all;
  all["events"] = std::move(events);
  all["stats"] = {{"total", total},
                  {"mode", mode == timeline_mode::full ? "full" : "summary"}};
  all["workflow_id"] = task;
  return all;
}

} // namespace shannon::gateway
