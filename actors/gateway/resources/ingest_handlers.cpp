#include "actors/gateway/resources/ingest_handlers.hpp"

#include "actors/gateway/resources/ingest_requests.hpp"
#include "actors/gateway/text/identifiers.hpp"

#include <memory>
#include <utility>
#include <vector>

namespace shannon::gateway {

namespace {

/// The events of one request on their way to their tasks' logs: one after the
/// other, so that their order is kept.
struct ingestion {
  call_ptr request;
  std::vector<remote::SignalTask> events;
  std::size_t next = 0;
  std::size_t stored = 0;
  std::size_t passed = 0; ///< Told to who follows, and not stored.
  std::size_t dropped = 0;
};
using ingestion_ptr = std::shared_ptr<ingestion>;

void go_on(desk& gateway, const ingestion_ptr& job) {
  if (job->next == job->events.size()) {
    json_out body;
    body["status"] = "ok";
    body["stored"] = job->stored;
    body["passed"] = job->passed;
    body["dropped"] = job->dropped;
    return job->request->answer(200, body);
  }
  auto& msg = job->events[job->next++];
  address run{"workflow/" + msg.task()};
  bool passes = msg.passing();
  gateway.ask_run<remote::SignalAck>(
      run, std::move(msg),
      [&gateway, job, passes](const result<remote::SignalAck>& got) {
        // Of a task that is not there, has ended or holds enough: told to
        // nobody, as events always were whose task nobody follows.
        bool is_lost = !got
                       && (got.error().code == errc::not_found
                           || got.error().code == errc::denied);
        if (!got && !is_lost)
          return job->request->answer(got.error());
        ++(!got ? job->dropped : passes ? job->passed : job->stored);
        go_on(gateway, job);
      });
}

void ingest(desk& gateway, const call_ptr& request) {
  auto told
      = read_told_events(request->request(), gateway.settings().json_depth_max);
  if (!told)
    return request->answer(told.error());
  go_on(gateway,
        std::make_shared<ingestion>(ingestion{request, std::move(told->events),
                                              0, 0, 0, told->dropped}));
}

void signal_reply(desk& gateway, const call_ptr& request) {
  auto msg = read_daemon_signal(request->request(),
                                gateway.settings().json_depth_max);
  if (!msg)
    return request->answer(msg.error());
  auto task = msg->task();
  gateway.with_task(
      request, task,
      [&gateway, request, task, msg = std::move(*msg)](const store::log_head&) {
        gateway.ask_run<remote::SignalAck>(
            {"workflow/" + task}, msg,
            [request, task](const result<remote::SignalAck>& got) {
              if (!got)
                return request->answer(got.error());
              json_out body;
              body["status"] = "signaled";
              body["workflow_id"] = task;
              request->answer(200, body);
            });
      });
}

} // namespace

void add_ingest_handlers(handler_table& table, desk& gateway) {
  using enum endpoint;
  table.set(ingest_events, [&gateway](auto& call) { ingest(gateway, call); });
  table.set(signal_daemon_reply,
            [&gateway](auto& call) { signal_reply(gateway, call); });
}

} // namespace shannon::gateway
