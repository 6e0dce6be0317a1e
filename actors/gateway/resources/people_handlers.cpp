#include "actors/gateway/resources/people_handlers.hpp"

#include "actors/gateway/text/identifiers.hpp"
#include "actors/gateway/text/json_fields.hpp"
#include "protocols/remote/workflow.pb.h"

#include <string>
#include <utility>

namespace shannon::gateway {

namespace {

constexpr std::size_t message_bytes_max = 32 * 1024;
constexpr std::size_t feedback_bytes_max = 10 * 1024;

// -- approvals ----------------------------------------------------------------

struct decision {
  std::string task;
  std::string approval;
  std::string run;
  json_in told; ///< What the task hears.
};

result<decision> read_decision(const call& request, std::uint32_t depth_max) {
  auto body = body_object(request.request(), depth_max);
  if (!body)
    return tl::unexpected<error>{std::move(body.error())};
  decision out;
  json_in told = json_in::object();
  for (const char* name : {"workflow_id", "approval_id", "run_id", "feedback",
                           "modified_action", "approved_by"}) {
    auto text = read_string(*body, name, "");
    if (!text)
      return tl::unexpected<error>{std::move(text.error())};
    told[name] = text->value_or("");
  }
  // Operators' programs are told of what they misspell; clients never were.
  if (request.is_for_operators())
    for (const auto& [name, value] : body->items())
      if (name != "approved" && !told.contains(name))
        return fail(errc::invalid_argument, "unknown field \"" + name + '"');
  auto approved = read_bool(*body, "approved", "");
  if (!approved)
    return tl::unexpected<error>{std::move(approved.error())};
  told["approved"] = approved->value_or(false);
  if (told["approved_by"] == "")
    told["approved_by"] = request.who().user.value;
  out.task = told["workflow_id"];
  out.approval = told["approval_id"];
  out.run = told["run_id"];
  if (out.task.empty() || out.approval.empty())
    return fail(errc::invalid_argument,
                "workflow_id and approval_id are required");
  if (!is_identifier(out.approval))
    return fail(errc::invalid_argument, "Invalid approval_id format");
  out.told = std::move(told);
  return out;
}

void answer_decision(call& request, const decision& what, bool success,
                     std::string text) {
  json_out body;
  body["status"] = "sent";
  body["success"] = success;
  body["message"] = std::move(text);
  body["workflow_id"] = what.task;
  body["run_id"] = what.run;
  body["approval_id"] = what.approval;
  request.answer(200, body);
}

/// The decision is a signal of the task, known by the approval's id: told twice
/// it counts once, and one that comes early waits for who asks.
void decide(desk& gateway, const call_ptr& request) {
  auto what = read_decision(*request, gateway.settings().json_depth_max);
  if (!what)
    return request->answer(what.error());
  gateway.with_own_task(
      request, what->task,
      [&gateway, request, what = *what](const store::log_head& head) {
        if (store::is_terminal(head.status))
          return request->answer(
              error_answer(404, "Workflow or approval not found"));
        remote::SignalTask msg;
        msg.set_task(what.task);
        msg.set_name("human-approval-" + what.approval);
        msg.set_signal_id(what.approval);
        msg.set_payload(what.told.dump());
        gateway.ask_run<remote::SignalAck>(
            {"workflow/" + what.task}, std::move(msg),
            [request, what](const result<remote::SignalAck>& got) {
              if (got)
                return answer_decision(*request, what, true,
                                       "Approval " + what.approval
                                           + " processed successfully");
              if (got.error().code == errc::not_found)
                return request->answer(
                    error_answer(404, "Workflow or approval not found"));
              request->answer(got.error());
            });
      });
}

// -- reviews ------------------------------------------------------------------

/// No task waits for a review of its plan: the strategy that does is to come.
void tell_no_review(desk& gateway, const call_ptr& request) {
  if (!is_identifier(request->id()))
    return request->answer(error_answer(400, "Invalid workflow ID format"));
  gateway.with_task(request, [request](const store::log_head&) {
    request->answer(error_answer(404, "Review session not found or expired"));
  });
}

void review(desk& gateway, const call_ptr& request) {
  auto body
      = body_object(request->request(), gateway.settings().json_depth_max);
  if (!body)
    return request->answer(error_answer(400, "Invalid request body"));
  auto action = read_string(*body, "action", "");
  auto message = read_string(*body, "message", "");
  if (!action || !message)
    return request->answer(error_answer(400, "Invalid request body"));
  auto what = action->value_or("");
  if (what != "feedback" && what != "approve")
    return request->answer(
        error_answer(400, "action must be 'feedback' or 'approve'"));
  if (what == "feedback" && message->value_or("").empty())
    return request->answer(
        error_answer(400, "message is required for feedback"));
  if (message->value_or("").size() > feedback_bytes_max)
    return request->answer(
        error_answer(400, "message exceeds maximum length (10KB)"));
  tell_no_review(gateway, request);
}

// -- messages to a swarm ------------------------------------------------------

void tell_swarm(desk& gateway, const call_ptr& request) {
  auto body
      = body_object(request->request(), gateway.settings().json_depth_max);
  auto message = body ? read_string(*body, "message", "")
                      : result<std::optional<std::string>>{std::nullopt};
  if (!message || message->value_or("").empty())
    return request->answer(error_answer(400, "message is required"));
  if ((*message)->size() > message_bytes_max)
    return request->answer(error_answer(
        400, "message too long (" + std::to_string((*message)->size())
                 + " bytes, at most " + std::to_string(message_bytes_max)
                 + ")"));
  gateway.ask_head(
      request, log_id{request->id()},
      [request](const result<store::log_head>& got) {
        if (!got && got.error().code != errc::not_found)
          return request->answer(got.error());
        if (!got || got->birth.tenant != request->who().tenant)
          return request->answer(error_answer(404, "Workflow not found"));
        request->answer(
            error_answer(409, "Workflow takes no messages: it is not a swarm"));
      });
}

} // namespace

void add_people_handlers(handler_table& table, desk& gateway) {
  using enum endpoint;
  table.set(decide_approval, [&gateway](auto& call) { decide(gateway, call); });
  table.set(get_review,
            [&gateway](auto& call) { tell_no_review(gateway, call); });
  table.set(post_review, [&gateway](auto& call) { review(gateway, call); });
  table.set(post_swarm_message,
            [&gateway](auto& call) { tell_swarm(gateway, call); });
}

} // namespace shannon::gateway
