#include "actors/gateway/resources/control_handlers.hpp"

#include "actors/gateway/resources/submit_request.hpp"
#include "protocols/remote/workflow.pb.h"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace shannon::gateway {

namespace {

/// The word for a task that has ended, in `cannot pause … task`.
std::string_view ended_word(store::log_status status) noexcept {
  switch (status) {
  case store::log_status::completed:
    return "completed";
  case store::log_status::cancelled:
    return "cancelled";
  case store::log_status::timed_out:
    return "timed out";
  default:
    return "failed";
  }
}

/// Gives `then` the reason of the request, if any, and the task's head.
template <class F>
void with_reason(desk& gateway, const call_ptr& request, F then) {
  auto reason
      = read_reason(request->request(), gateway.settings().json_depth_max);
  gateway.with_own_task(
      request, [reason = std::move(reason), then = std::move(then)](
                   const store::log_head& head) { then(reason, head); });
}

// -- cancel -------------------------------------------------------------------

void answer_cancel(call& request, bool success, std::string text) {
  if (text.empty())
    text = success ? "Task cancelled successfully" : "Task was not cancelled";
  json_out body;
  body["success"] = success;
  body["message"] = std::move(text);
  request.answer(202, body);
}

/// It ended between the look at its head and now: maybe by this very request,
/// asked a second time because its node moved.
void answer_cancel_of_ended(desk& gateway, const call_ptr& request) {
  gateway.with_own_task(request, [request](const store::log_head& head) {
    auto cancelled = head.status == store::log_status::cancelled;
    answer_cancel(*request, cancelled,
                  cancelled ? "" : "Task has already ended");
  });
}

void cancel(desk& gateway, const call_ptr& request) {
  with_reason(gateway, request,
              [&gateway, request](const std::string& reason,
                                  const store::log_head& head) {
                if (store::is_terminal(head.status))
                  return answer_cancel(*request, false,
                                       "Task has already ended");
                remote::CancelTask msg;
                msg.set_task(head.log.value);
                msg.set_reason(reason);
                msg.set_by(request->who().user.value);
                gateway.ask_run<remote::CancelAck>(
                    {"workflow/" + head.log.value}, std::move(msg),
                    [&gateway, request](const result<remote::CancelAck>& got) {
                      if (!got && got.error().code == errc::not_found)
                        return answer_cancel_of_ended(gateway, request);
                      if (!got)
                        return request->answer(got.error());
                      answer_cancel(*request, got->success(), got->message());
                    });
              });
}

// -- pause and resume ---------------------------------------------------------

/// The task is not in a state for it: 409, with the contract's words.
void refuse_wish(call& request, bool paused, std::string_view state) {
  auto text = std::string{paused ? "cannot pause " : "cannot resume "};
  request.answer(error_answer(409, (text += state) += " task"));
}

void answer_wish(call& request, bool paused, const std::string& task) {
  json_out body;
  body["success"] = true;
  body["message"] = paused ? "Pause signal sent" : "Resume signal sent";
  body["task_id"] = task;
  request.answer(202, body);
}

void set_paused(desk& gateway, const call_ptr& request, bool paused) {
  with_reason(
      gateway, request,
      [&gateway, request, paused](const std::string& reason,
                                  const store::log_head& head) {
        if (store::is_terminal(head.status))
          return refuse_wish(*request, paused, ended_word(head.status));
        if (paused && head.status == store::log_status::paused)
          return request->answer(error_answer(409, "task is already paused"));
        remote::SetPaused msg;
        msg.set_run(head.log.value);
        msg.set_paused(paused);
        msg.set_reason(reason);
        msg.set_by(request->who().user.value);
        gateway.ask_run<remote::SetPausedAck>(
            {"workflow/" + head.log.value}, std::move(msg),
            [request, paused](const result<remote::SetPausedAck>& got) {
              if (!got && got.error().code == errc::not_found)
                return refuse_wish(*request, paused, "completed");
              if (!got)
                return request->answer(got.error());
              if (!got->success())
                return request->answer(error_answer(409, got->message()));
              answer_wish(*request, paused, request->id());
            });
      });
}

// -- state --------------------------------------------------------------------

json_out control_state(const remote::RunDescription& run) {
  const auto& pause = run.pause();
  json_out body;
  body["is_paused"] = run.has_pause();
  body["is_cancelled"] = run.cancelling();
  body["paused_at"] = run.has_pause()
                          ? timestamp(std::chrono::system_clock::time_point{
                              std::chrono::microseconds{pause.at_us()}})
                          : std::string{};
  body["pause_reason"] = pause.reason();
  body["paused_by"] = pause.by();
  body["cancel_reason"] = run.cancel_reason();
  body["cancelled_by"] = run.cancelled_by();
  return body;
}

/// A task that has ended has no such state: all as if nothing was ever asked.
void tell_state(desk& gateway, const call_ptr& request) {
  gateway.with_own_task(request, [&gateway,
                                  request](const store::log_head& head) {
    if (store::is_terminal(head.status))
      return request->answer(200, control_state({}));
    remote::DescribeRun msg;
    msg.set_run(head.log.value);
    gateway.ask_run<remote::RunDescription>(
        {"workflow/" + head.log.value}, std::move(msg),
        [request](const result<remote::RunDescription>& got) {
          if (!got && got.error().code != errc::not_found)
            return request->answer(got.error());
          request->answer(200,
                          control_state(got ? *got : remote::RunDescription{}));
        });
  });
}

} // namespace

void add_control_handlers(handler_table& table, desk& gateway) {
  using enum endpoint;
  table.set(cancel_task, [&gateway](auto& call) { cancel(gateway, call); });
  table.set(pause_task,
            [&gateway](auto& call) { set_paused(gateway, call, true); });
  table.set(resume_task,
            [&gateway](auto& call) { set_paused(gateway, call, false); });
  table.set(get_control_state,
            [&gateway](auto& call) { tell_state(gateway, call); });
}

} // namespace shannon::gateway
