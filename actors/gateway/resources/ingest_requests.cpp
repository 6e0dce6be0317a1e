#include "actors/gateway/resources/ingest_requests.hpp"

#include "actors/gateway/text/identifiers.hpp"
#include "actors/gateway/text/json_fields.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace shannon::gateway {

namespace {

constexpr std::array<std::string_view, 4> passing{"LLM_PARTIAL", "LLM_PROMPT",
                                                  "HEARTBEAT", "PING"};
constexpr std::array<std::string_view, 4> endings{
    "WORKFLOW_COMPLETED", "WORKFLOW_FAILED", "WORKFLOW_CANCELLED",
    "STREAM_END"};

template <class Names>
bool is_one_of(const Names& names, std::string_view type) {
  return std::find(names.begin(), names.end(), type) != names.end();
}

/// Adds one event, or counts it as dropped.
result<void> take(const json_in& one, const std::string& where,
                  told_events& into) {
  if (!one.is_object())
    return fail(errc::invalid_argument, where + " is no object");
  if (auto at = find_nul(one, where); !at.empty())
    return fail(errc::invalid_argument, at + " holds a NUL");
  std::string fields[5];
  const char* names[]{"workflow_id", "type", "agent_id", "message",
                      "timestamp"};
  for (int i = 0; i < 5; ++i) {
    auto text = read_string(one, names[i], where + ".");
    if (!text)
      return tl::unexpected<error>{std::move(text.error())};
    fields[i] = text->value_or("");
  }
  const auto& [task, type, agent, message, time] = fields;
  if (!is_identifier(task) || !is_identifier(type)) {
    ++into.dropped;
    return {};
  }
  if (is_one_of(endings, type))
    return fail(errc::invalid_argument,
                where + ".type: how a task ends is told by itself, found "
                    + type);
  const auto* payload = find_field(one, "payload");
  if (payload && !payload->is_null() && !payload->is_object())
    return fail(errc::invalid_argument,
                where + ".payload: expected an object, found "
                    + type_name(*payload));
  remote::SignalTask msg;
  msg.set_task(task);
  msg.set_passing(is_one_of(passing, type));
  auto& event = *msg.mutable_told();
  event.set_type(type);
  event.set_agent_id(agent);
  event.set_message(message);
  if (payload && payload->is_object())
    event.set_payload_json(go_text(*payload));
  if (event.ByteSizeLong() > told_event_bytes_max)
    return fail(errc::invalid_argument,
                where + " has more than " + std::to_string(told_event_bytes_max)
                    + " bytes");
  msg.set_signal_id(
      time.empty() ? random_uuid()
                   : content_hash(time + '\0' + event.SerializeAsString()));
  into.events.push_back(std::move(msg));
  return {};
}

} // namespace

result<told_events> read_told_events(const http_request& request,
                                     std::uint32_t json_depth_max) {
  if (request.body.empty())
    return fail(errc::invalid_argument, "invalid body");
  auto body = parse_json(request.body, json_depth_max);
  if (!body || !(body->is_object() || body->is_array()))
    return fail(errc::invalid_argument, "invalid json");
  told_events out;
  if (body->is_object()) {
    if (auto ok = take(*body, "event", out); !ok)
      return tl::unexpected<error>{std::move(ok.error())};
    return out;
  }
  if (body->size() > told_events_max)
    return fail(errc::invalid_argument,
                "at most " + std::to_string(told_events_max)
                    + " events at once, found " + std::to_string(body->size()));
  for (std::size_t i = 0; i < body->size(); ++i)
    if (auto ok = take((*body)[i], "events[" + std::to_string(i) + "]", out);
        !ok)
      return tl::unexpected<error>{std::move(ok.error())};
  return out;
}

result<remote::SignalTask> read_daemon_signal(const http_request& request,
                                              std::uint32_t json_depth_max) {
  auto body = body_object(request, json_depth_max);
  if (!body)
    return fail(errc::invalid_argument, "invalid request");
  auto task = read_string(*body, "workflow_id", "");
  auto run = read_string(*body, "workflow_run_id", "");
  const auto* reply = find_field(*body, "reply");
  if (!task || !run || (reply && !reply->is_object() && !reply->is_null()))
    return fail(errc::invalid_argument, "invalid request");
  if (task->value_or("").empty())
    return fail(errc::invalid_argument, "workflow_id required");
  remote::SignalTask msg;
  msg.set_task(**task);
  msg.set_name("daemon-reply-v1");
  msg.set_payload(reply && reply->is_object() ? reply->dump() : "{}");
  msg.set_signal_id(content_hash(run->value_or("") + '\0' + msg.payload()));
  return msg;
}

} // namespace shannon::gateway
