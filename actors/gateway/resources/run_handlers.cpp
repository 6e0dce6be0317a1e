#include "actors/gateway/resources/run_handlers.hpp"

#include "actors/gateway/resources/run_requests.hpp"
#include "protocols/remote/workflow.pb.h"

#include <utility>

namespace shannon::gateway {

namespace {

/// Gives `then` the head of any log, an agent's too, whoever's it is: the
/// admin port is for those who look after all of them.
template <class F>
void with_run(desk& gateway, const call_ptr& request, F then) {
  gateway.ask_store<store::log_head>(
      store::get_head{log_id{request->id()}},
      [request, then = std::move(then)](const result<store::log_head>& got) {
        if (got)
          then(*got);
        else if (got.error().code == errc::not_found)
          request->answer(error_answer(404, request->id() + ": no such run"));
        else
          request->answer(got.error());
      });
}

shannon::address address_of(const store::log_head& head) {
  return {head.birth.kind + "/" + head.log.value};
}

void describe(desk& gateway, const call_ptr& request) {
  with_run(gateway, request, [&gateway, request](const store::log_head& head) {
    if (store::is_terminal(head.status))
      return request->answer(200, run_json(head, nullptr));
    remote::DescribeRun msg;
    msg.set_run(head.log.value);
    gateway.ask_run<remote::RunDescription>(
        address_of(head), std::move(msg),
        [request, head](const result<remote::RunDescription>& got) {
          // It ended between the look at its head and now.
          if (!got && got.error().code != errc::not_found)
            return request->answer(got.error());
          request->answer(200, run_json(head, got ? &*got : nullptr));
        });
  });
}

/// Sends what `msg` says to a run that has not ended, since others can be told
/// nothing, and answers with what `shape` makes of the answer.
template <class Answer, class Message, class F>
void send(desk& gateway, const call_ptr& request, read_request<Message> msg,
          F shape) {
  if (!msg)
    return request->answer(std::move(msg.error()));
  with_run(
      gateway, request,
      [&gateway, request, msg = std::move(*msg),
       shape = std::move(shape)](const store::log_head& head) {
        if (store::is_terminal(head.status))
          return request->answer(
              error_answer(409, request->id() + " has ended already"));
        gateway.ask_run<Answer>(
            address_of(head), msg, [request, shape](const result<Answer>& got) {
              got ? request->answer(shape(*got)) : request->answer(got.error());
            });
      });
}

void signal(desk& gateway, const call_ptr& request) {
  auto msg = read_signal(request->request(), request->id(),
                         gateway.settings().json_depth_max);
  auto id = msg ? msg->signal_id() : std::string{};
  send<remote::SignalAck>(gateway, request, std::move(msg),
                          [id](const remote::SignalAck&) {
                            json_out body;
                            body["signal_id"] = id;
                            return json_answer(200, body);
                          });
}

void resume(desk& gateway, const call_ptr& request) {
  auto msg = read_resume(request->request(), request->id(),
                         gateway.settings().json_depth_max);
  send<remote::ResumeAck>(gateway, request, std::move(msg),
                          [](const remote::ResumeAck& got) {
                            if (!got.success())
                              return error_answer(409, got.message());
                            json_out body;
                            body["success"] = true;
                            body["message"] = got.message();
                            return json_answer(200, body);
                          });
}

void query(desk& gateway, const call_ptr& request) {
  auto msg = read_query(request->request(), request->id(),
                        gateway.settings().json_depth_max);
  send<remote::QueryAnswer>(gateway, request, std::move(msg),
                            [](const remote::QueryAnswer& got) {
                              return json_answer(200, query_json(got));
                            });
}

} // namespace

void add_run_handlers(handler_table& table, desk& gateway) {
  using enum endpoint;
  table.set(describe_run, [&gateway](auto& call) { describe(gateway, call); });
  table.set(signal_run, [&gateway](auto& call) { signal(gateway, call); });
  table.set(resume_run, [&gateway](auto& call) { resume(gateway, call); });
  table.set(query_run, [&gateway](auto& call) { query(gateway, call); });
}

} // namespace shannon::gateway
