#include "actors/gateway/resources/browser_handlers.hpp"

#include "actors/gateway/resources/browser_requests.hpp"
#include "actors/gateway/resources/browser_visits.hpp"
#include "actors/gateway/resources/named_browsers.hpp"
#include "actors/gateway/text/identifiers.hpp"

#include <memory>
#include <utility>

namespace shannon::gateway {

namespace {

using namespace std::chrono_literals;

constexpr auto look_patience = 3s;

/// This node's own.
address pool() {
  return {"browser/worker"};
}

/// Apart from those of runs, which are named by their logs.
std::string session_name(const std::string& id) {
  return "client:" + id;
}

remote::BrowserRun run_of(const std::string& session,
                          const browser_action& what,
                          const remote::BrowserOptions& options) {
  remote::BrowserRun out;
  // Each request is an action of its own.
  out.mutable_context()->set_attempt_key(session + "/" + random_uuid() + "/1");
  auto& request = *out.mutable_request();
  request.set_session(session);
  request.set_action(what.action);
  request.set_arguments_json(what.arguments_json);
  *request.mutable_options() = options;
  return out;
}

bool stands(desk& gateway, const call_ptr& request, const address& who,
            const char* why) {
  if (gateway.env().addresses.find(who))
    return true;
  request->answer({errc::unavailable, why, false, {}});
  return false;
}

bool is_served(desk& gateway, const call_ptr& request) {
  return stands(gateway, request, browser_dispatcher(),
                "this node does not send to browsers: ask one with the role "
                "`gateway` or `browser`");
}

void act(desk& gateway, const call_ptr& request) {
  if (!is_served(gateway, request))
    return;
  auto wanted
      = read_action(request->request(), gateway.settings().json_depth_max);
  if (!wanted)
    return request->answer(wanted.error());
  auto run
      = run_of(session_name(wanted->session_id), wanted->what, wanted->options);
  act_in_named(
      gateway, std::move(run),
      [request, asked = *wanted](const result<remote::BrowserResult>& got) {
        got ? request->answer(action_answer(asked, *got))
            : request->answer(got.error());
      });
}

void close(desk& gateway, const call_ptr& request) {
  if (!is_served(gateway, request))
    return;
  auto id = read_close(request->request(), gateway.settings().json_depth_max);
  if (!id)
    return request->answer(id.error());
  close_named(gateway, session_name(*id),
              [request, id = *id](const result<void>& done) {
                if (!done)
                  return request->answer(done.error());
                json_out body;
                body["success"] = true;
                body["session_id"] = id;
                request->answer(200, body);
              });
}

void tell_sessions(desk& gateway, const call_ptr& request) {
  if (!stands(gateway, request, pool(),
              "this node has no browsers: its roles do not name `browser`"))
    return;
  using shannon::browser::pool_report;
  gateway.ask<pool_report>(pool(), shannon::browser::get_sessions{},
                           look_patience,
                           [request](const result<pool_report>& got) {
                             got ? request->answer(sessions_answer(*got))
                                 : request->answer(got.error());
                           });
}

/// Actions in a session that is there for them alone.
struct visit {
  call_ptr request;
  std::string session;
  visit_steps steps;
  std::vector<remote::BrowserResult> answers;

  /// Where it is, once its first action has been answered.
  std::string holder() const {
    return answers.empty() ? std::string{} : answers.front().holder();
  }
};
using visit_ptr = std::shared_ptr<visit>;

void end_visit(desk& gateway, const visit_ptr& job) {
  remote::BrowserClose what;
  what.set_session(job->session);
  what.set_holder(job->holder());
  gateway.tell(browser_dispatcher(), std::move(what));
}

void go_on(desk& gateway, const visit_ptr& job) {
  auto at = job->answers.size();
  bool failed = at > 0 && !job->answers.back().result().success()
                && !job->steps[at - 1].may_fail;
  if (failed || at == job->steps.size()) {
    end_visit(gateway, job);
    return job->request->answer(visit_answer(job->steps, job->answers));
  }
  remote::BrowserOptions usual;
  auto run = run_of(job->session, job->steps[at].what, usual);
  run.mutable_request()->set_holder(job->holder());
  gateway.ask<remote::BrowserResult>(
      browser_dispatcher(), std::move(run), browser_patience,
      [&gateway, job](const result<remote::BrowserResult>& got) {
        if (!got) {
          end_visit(gateway, job);
          return job->request->answer(got.error());
        }
        job->answers.push_back(*got);
        go_on(gateway, job);
      });
}

template <class Read>
handler_table::handler visits(desk& gateway, Read read) {
  return [&gateway, read](const call_ptr& request) {
    if (!is_served(gateway, request))
      return;
    auto wanted = read(request->request(), gateway.settings().json_depth_max);
    if (!wanted)
      return request->answer(wanted.error());
    go_on(gateway,
          std::make_shared<visit>(visit{request,
                                        session_name("visit-" + random_uuid()),
                                        std::move(*wanted),
                                        {}}));
  };
}

} // namespace

void add_browser_handlers(handler_table& table, desk& gateway) {
  using enum endpoint;
  table.set(act_in_browser, [&gateway](auto& call) { act(gateway, call); });
  table.set(browser_close, [&gateway](auto& call) { close(gateway, call); });
  table.set(browser_sessions,
            [&gateway](auto& call) { tell_sessions(gateway, call); });
  table.set(browser_capture, visits(gateway, read_capture));
  table.set(capture_sections, visits(gateway, read_sections));
  table.set(browser_extract, visits(gateway, read_extract));
}

} // namespace shannon::gateway
