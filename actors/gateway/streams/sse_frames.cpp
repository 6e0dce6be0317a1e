#include "actors/gateway/streams/sse_frames.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace shannon::gateway {

namespace {

struct renamed {
  std::string_view type;
  std::string_view name;
};

constexpr std::array<renamed, 8> names{{
    {"LLM_OUTPUT", "thread.message.completed"},
    {"ERROR_OCCURRED", "error"},
    {"STREAM_END", "done"},
    {"WORKFLOW_PAUSING", "workflow.pausing"},
    {"WORKFLOW_PAUSED", "workflow.paused"},
    {"WORKFLOW_RESUMED", "workflow.resumed"},
    {"WORKFLOW_CANCELLING", "workflow.cancelling"},
    {"WORKFLOW_CANCELLED", "workflow.cancelled"},
}};

std::string client_name(std::string_view type) {
  for (const auto& one : names)
    if (one.type == type)
      return std::string{one.name};
  // A line break in a name would end the frame.
  std::string name;
  for (char c : type)
    if (c != '\n' && c != '\r')
      name += c;
  return name;
}

template <class Json>
std::string frame(const std::string& id, std::string_view name,
                  const Json& data) {
  std::string text;
  if (!id.empty())
    text += "id: " + id + "\n";
  text += "event: ";
  text += name;
  text += "\ndata: ";
  if constexpr (std::is_same_v<Json, std::string>)
    text += data;
  else
    text += go_text(data);
  return text += "\n\n";
}

/// The mapped objects have sorted keys, so they are built as `json_in`.
json_in output_data(const std::string& task, const run_event& what) {
  json_in data{{"agent_id", what.event.agent_id()},
               {"response", what.event.message()},
               {"seq", what.version},
               {"stream_id", std::to_string(what.version)},
               {"workflow_id", task}};
  auto payload = json_in::parse(what.event.payload_json(), nullptr, false);
  if (payload.is_object() && !payload.empty())
    data["metadata"] = std::move(payload);
  return data;
}

json_in control_data(const std::string& task, const facts::Event& event) {
  json_in data{{"agent_id", event.agent_id()},
               {"message", event.message()},
               {"workflow_id", task}};
  bool cancelled = event.type() == "WORKFLOW_CANCELLED";
  if (!cancelled && event.type() != "WORKFLOW_PAUSED")
    return data;
  auto payload = json_in::parse(event.payload_json(), nullptr, false);
  data["checkpoint"] = "";
  if (cancelled)
    data["was_paused"] = false;
  if (!payload.is_object())
    return data;
  if (auto at = payload.find("checkpoint");
      at != payload.end() && at->is_string())
    data["checkpoint"] = *at;
  if (auto at = payload.find("was_paused");
      cancelled && at != payload.end() && at->is_boolean())
    data["was_paused"] = *at;
  return data;
}

} // namespace

std::string connected_frame(const std::string& task) {
  return ": connected to workflow " + task + "\n\n";
}

std::string event_frame(const std::string& task, const run_event& what) {
  const auto& type = what.event.type();
  auto id = std::to_string(what.version);
  auto name = client_name(type);
  if (type == "STREAM_END")
    return frame(id, name, std::string{"[DONE]"});
  if (type == "LLM_OUTPUT")
    return frame(id, name, output_data(task, what));
  if (name.rfind("workflow.", 0) == 0)
    return frame(id, name, control_data(task, what.event));
  return frame(id, name, event_json(task, what));
}

std::string delta_frame(const std::string& task, const remote::LlmDelta& delta,
                        log_version version) {
  json_in data{{"agent_id", delta.agent()},
               {"delta", delta.text()},
               {"seq", version},
               {"stream_id", std::to_string(version)},
               {"workflow_id", task}};
  return frame({}, "thread.message.delta", data);
}

std::string passing_frame(const std::string& task, const run_event& what) {
  if (what.event.type() != "LLM_PARTIAL")
    return frame({}, client_name(what.event.type()), event_json(task, what));
  remote::LlmDelta delta;
  delta.set_agent(what.event.agent_id());
  delta.set_text(what.event.message());
  return delta_frame(task, delta, what.version);
}

std::string not_found_frame(const std::string& task) {
  json_out data;
  data["workflow_id"] = task;
  data["type"] = "ERROR_OCCURRED";
  data["message"] = "Workflow not found";
  return frame({}, "ERROR_OCCURRED", data);
}

namespace {

std::string say_nothing(const std::string&) {
  return {};
}

std::string event_message(const std::string& task, const run_event& what) {
  return go_text(event_json(task, what));
}

std::string delta_message(const std::string& task,
                          const remote::LlmDelta& delta, log_version version) {
  json_out data;
  data["workflow_id"] = task;
  data["type"] = "LLM_PARTIAL";
  data["agent_id"] = delta.agent();
  data["message"] = delta.text();
  data["seq"] = version;
  data["stream_id"] = std::to_string(version);
  return go_text(data);
}

} // namespace

const stream_words sse_words{
    connected_frame, event_frame, delta_frame, passing_frame,
    not_found_frame, ping_frame,  retry_frame, true};

const stream_words websocket_words{
    say_nothing, event_message, delta_message, event_message, say_nothing, "",
    "",          false};

} // namespace shannon::gateway
