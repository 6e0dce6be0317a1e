#include "actors/gateway/gateway.hpp"

#include "actors/gateway/call.hpp"
#include "actors/gateway/health_json.hpp"
#include "actors/gateway/identifiers.hpp"
#include "actors/gateway/inspect_json.hpp"
#include "actors/gateway/run_requests.hpp"
#include "actors/gateway/stream.hpp"
#include "actors/gateway/submit_request.hpp"
#include "actors/gateway/task_json.hpp"
#include "actors/gateway/task_queries.hpp"
#include "actors/kit/log.hpp"
#include "actors/kit/owned_shards.hpp"
#include "protocols/cluster.hpp"
#include "protocols/inspector.hpp"
#include "protocols/link.hpp"
#include "protocols/remote/workflow.pb.h"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <atomic>
#include <map>
#include <utility>
#include <vector>

namespace shannon::gateway {

namespace {

using namespace std::chrono_literals;

/// Facts of one read while a timeline is collected.
constexpr std::uint32_t timeline_page = 500;
constexpr auto health_patience = 3s;
/// Before a run that is moving is asked again.
constexpr auto move_pause = 100ms;

/// Numbers STREAMs over all lives of the GATEWAY.
std::atomic<std::uint64_t> streams_started{0};

/// In a header a session's id must be ASCII.
std::string header_safe(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string all;
  for (char c : text) {
    auto u = static_cast<unsigned char>(c);
    if (u >= 0x20 && u < 0x7f) {
      all += c;
    } else {
      all += '%';
      all += digits[u >> 4];
      all += digits[u & 15];
    }
  }
  return all;
}

class gateway final : public kit::actor_base {
public:
  gateway(caf::actor_config& cfg, gateway_args args)
      : actor_base(cfg, args.env, {"gateway"}), args_(std::move(args)) {}

  const char* name() const override {
    return "gateway";
  }

protected:
  kit::handlers make_handlers() override {
    return {
        kit::on<cluster::drain>([this](auto& mail, auto&) { drain(mail); })};
  }

  void started() override {
    serving_ = args_.server->serve(
        {[limits = args_.settings](const http_request& head) {
           return body_bound_of(head, limits);
         },
         [this, post = poster(), &metrics = args_.metrics, now = env().now,
          serves_api = args_.serves_api](exchange_ptr client) {
           auto request = route_call(std::move(client), metrics);
           if (!request)
             return;
           if (!serves_api && !request->is_for_operators())
             return request->answer(
                 error_answer(404, "this node does not play the role gateway"));
           // Liveness must not depend on any actor, this one included.
           if (request->leads_to() == endpoint::live)
             return request->answer(live_answer(now()));
           if (request->leads_to() == endpoint::health)
             return request->answer(health_answer(now()));
           post([this, request] { handle(request); });
         },
         &args_.metrics});
  }

  void stopping() override {
    args_.server->retire(serving_);
    for (auto& [number, who] : streams_)
      caf::anon_send_exit(who, caf::exit_reason::user_shutdown);
    streams_.clear();
  }

private:
  static std::uint64_t body_bound_of(const http_request& head,
                                     const config::http_settings& limits) {
    auto found = match(head);
    return found.to && found.to->body == body_bound::task
               ? limits.task_body_bytes_max
               : limits.body_bytes_max;
  }

  /// The table of contents: one line per endpoint.
  void handle(const call_ptr& request) {
    switch (request->leads_to()) {
    case endpoint::health:
    case endpoint::live:
      return; // Answered on the loop.
    case endpoint::ready:
      return tell_ready(request);
    case endpoint::metrics:
      return tell_metrics(request);
    case endpoint::tree:
      return tell_tree(request);
    case endpoint::drain:
      return drain_node(request);
    case endpoint::actors:
      return tell_actors(request);
    case endpoint::top:
      return tell_top(request);
    case endpoint::workflows:
      return tell_workflows(request);
    case endpoint::links:
      return tell_links(request);
    case endpoint::leases:
      return tell_leases(request);
    case endpoint::submit_task:
    case endpoint::submit_task_stream:
      return submit(request);
    case endpoint::list_tasks:
      return list(request);
    case endpoint::get_task:
      return get_task(request);
    case endpoint::get_events:
      return get_events(request);
    case endpoint::get_timeline:
      return get_timeline(request);
    case endpoint::cancel_task:
      return cancel(request);
    case endpoint::redirect_stream:
      return redirect_stream(request);
    case endpoint::stream_sse:
      return open_stream(request);
    case endpoint::describe_run:
      return describe_run(request);
    case endpoint::signal_run:
      return signal_run(request);
    case endpoint::resume_run:
      return resume_run(request);
    case endpoint::query_run:
      return query_run(request);
    }
  }

  // -- the end, in order ------------------------------------------------------

  void drain_node(const call_ptr& request) {
    args_.drain_node();
    json_out body;
    body["status"] = "draining";
    request->answer(202, body);
  }

  /// Requests are answered to the end, each the last of its connection; who
  /// follows a run is sent to another node.
  void drain(const envelope& mail) {
    draining_ = true;
    args_.server->close_after_each();
    for (auto& [number, who] : streams_)
      tell({"stream/" + std::to_string(number)}, cluster::drain{});
    reply(mail, cluster::drained{});
  }

  // -- health -----------------------------------------------------------------

  void tell_ready(const call_ptr& request) {
    ask<inspector::health_report>(
        {"inspector"}, inspector::get_health{}, health_patience,
        [this, request](const result<inspector::health_report>& got) {
          request->answer(ready_answer(got, env().now()));
        });
  }

  void tell_metrics(const call_ptr& request) {
    request->answer(
        {200,
         {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}},
         args_.registry.render()});
  }

  // -- what the node looks like inside ----------------------------------------

  /// Asks, and answers with what `shape` makes of it.
  template <class Answer, class F>
  void look(const call_ptr& request, const char* whom, message_body question,
            F shape) {
    ask<Answer>({whom}, std::move(question), health_patience,
                [request, shape](const result<Answer>& got) {
                  got ? request->answer(shape(*got))
                      : request->answer(got.error());
                });
  }

  void tell_tree(const call_ptr& request) {
    look<inspector::tree_node>(request, "inspector", inspector::get_tree{},
                               tree_answer);
  }

  void tell_actors(const call_ptr& request) {
    auto wanted = read_actors(request->request());
    if (!wanted)
      return request->answer(std::move(wanted.error()));
    look<inspector::actor_page>(request, "inspector", std::move(*wanted),
                                actors_answer);
  }

  void tell_top(const call_ptr& request) {
    auto wanted = read_top(request->request());
    if (!wanted)
      return request->answer(std::move(wanted.error()));
    look<inspector::top_page>(request, "inspector", std::move(*wanted),
                              top_answer);
  }

  void tell_workflows(const call_ptr& request) {
    auto wanted = read_runs(request->request());
    if (!wanted)
      return request->answer(std::move(wanted.error()));
    look<inspector::run_page>(request, "inspector", std::move(*wanted),
                              runs_answer);
  }

  void tell_links(const call_ptr& request) {
    // A node without links has nobody there, and no links.
    if (!env().addresses.find({"links"}))
      return request->answer(links_answer({}));
    look<link::link_states>(request, "links", link::get_links{}, links_answer);
  }

  void tell_leases(const call_ptr& request) {
    look<inspector::lease_report>(request, "inspector", inspector::get_leases{},
                                  leases_answer);
  }

  // -- runs, wherever they are ------------------------------------------------

  /// Asks a run, and again while its node is being found: it may be moving, or
  /// have lost its node a moment ago. All that is asked so may be asked twice.
  template <class Answer, class F>
  void ask_run(const shannon::address& run, message_body what, F then) {
    auto until = clock_now() + args_.settings.move_patience;
    ask_run_until<Answer>(run, std::move(what), until, std::move(then));
  }

  template <class Answer, class F>
  void ask_run_until(const shannon::address& run, message_body what,
                     std::chrono::steady_clock::time_point until, F then) {
    ask<Answer>(run, what, args_.settings.ask_timeout,
                [this, run, what, until,
                 then = std::move(then)](const result<Answer>& got) mutable {
                  if (got || got.error().code != errc::unavailable
                      || clock_now() + move_pause > until)
                    return then(got);
                  after(move_pause, [this, run, what, until,
                                     then = std::move(then)]() mutable {
                    ask_run_until<Answer>(run, what, until, std::move(then));
                  });
                });
  }

  // -- tasks ------------------------------------------------------------------

  void submit(const call_ptr& request) {
    auto input = read_submit(request->request(), args_.settings.json_depth_max);
    if (!input)
      return request->answer(std::move(input.error()));
    auto who = identify(request->request());
    auto ids = ids_for(
        request->request(), who, [shards = env().shards](const log_id& log) {
          return !shards || shards->of(log) != kit::standing::elsewhere;
        });
    if (input->session().empty())
      input->set_session(ids.session);
    input->set_tenant(who.tenant.value);
    input->set_user(who.user.value);
    auto session = input->session();
    remote::StartTask start;
    start.set_task(ids.task);
    *start.mutable_input() = std::move(*input);
    ask_run<remote::TaskAccepted>(
        {"workflow/" + ids.task}, std::move(start),
        [this, request, session](const result<remote::TaskAccepted>& got) {
          if (!got)
            return request->answer(got.error());
          request->answer(accepted(*request, got->task(), session));
        });
  }

  http_response accepted(const call& request, const std::string& task,
                         const std::string& session) {
    json_out body;
    http_response answer;
    auto stream = "/api/v1/stream/sse?workflow_id=" + task;
    if (request.leads_to() == endpoint::submit_task) {
      body["task_id"] = task;
      body["status"] = "STATUS_CODE_OK";
      body["message"] = "Task submitted successfully. Session: " + session;
      body["created_at"] = timestamp(env().now());
      answer = json_answer(200, body);
    } else {
      body["workflow_id"] = task;
      body["task_id"] = task;
      body["stream_url"] = stream;
      answer = json_answer(201, body);
      answer.fields.emplace_back("Link", "<" + stream + ">; rel=stream");
    }
    answer.fields.emplace_back("X-Workflow-ID", task);
    answer.fields.emplace_back("X-Session-ID", header_safe(session));
    return answer;
  }

  void list(const call_ptr& request) {
    auto wanted
        = read_list(request->request(), identify(request->request()).tenant);
    if (!wanted)
      return request->answer(std::move(wanted.error()));
    ask<store::head_page>({"store"}, std::move(*wanted),
                          args_.settings.ask_timeout,
                          [request](const result<store::head_page>& got) {
                            if (!got)
                              return request->answer(got.error());
                            auto tasks = json_out::array();
                            for (const auto& head : got->heads)
                              tasks.push_back(task_summary(head));
                            json_out body;
                            body["tasks"] = std::move(tasks);
                            body["total_count"] = got->total;
                            request->answer(200, body);
                          });
  }

  /// Gives `then` the head of a task that the caller may see. Agents' logs and
  /// other tenants' tasks do not exist for a client.
  template <class F>
  void with_head(const call_ptr& request, F then) {
    auto id = read_task_id(request->id());
    if (!id)
      return request->answer(std::move(id.error()));
    auto tenant = identify(request->request()).tenant;
    ask<store::log_head>(
        {"store"}, store::get_head{*id}, args_.settings.ask_timeout,
        [request, tenant,
         then = std::move(then)](const result<store::log_head>& got) {
          if (got && got->birth.kind == "workflow"
              && got->birth.tenant == tenant)
            then(*got);
          else if (got || got.error().code == errc::not_found)
            request->answer(error_answer(404, "Task not found"));
          else
            request->answer(got.error());
        });
  }

  void get_task(const call_ptr& request) {
    with_head(request, [request](const store::log_head& head) {
      auto answer = json_answer(200, task_detail(head));
      answer.fields.emplace_back("X-Workflow-ID", head.log.value);
      request->answer(std::move(answer));
    });
  }

  void get_events(const call_ptr& request) {
    auto wanted = read_events(request->request(), request->id());
    if (!wanted)
      return request->answer(std::move(wanted.error()));
    with_head(request, [this, request,
                        wanted = std::move(*wanted)](const store::log_head&) {
      ask<store::fact_page>({"store"}, wanted, args_.settings.ask_timeout,
                            [request](const result<store::fact_page>& got) {
                              if (!got)
                                return request->answer(got.error());
                              auto events = json_out::array();
                              for (const auto& fact : got->facts)
                                events.push_back(
                                    event_json(request->id(), event_of(fact)));
                              auto count = events.size();
                              json_out body;
                              body["events"] = std::move(events);
                              body["count"] = count;
                              request->answer(200, body);
                            });
    });
  }

  struct timeline_job {
    call_ptr request;
    timeline_request wanted;
    std::vector<store::recorded_fact> facts;
  };

  void get_timeline(const call_ptr& request) {
    auto wanted = read_timeline(request->request(), request->id());
    if (!wanted)
      return request->answer(std::move(wanted.error()));
    with_head(request, [this, request, wanted = *wanted](const auto&) {
      collect(
          std::make_shared<timeline_job>(timeline_job{request, wanted, {}}));
    });
  }

  void collect(const std::shared_ptr<timeline_job>& job) {
    auto after = job->facts.empty() ? 0 : job->facts.back().version;
    ask<store::fact_page>(
        {"store"},
        store::read_facts{log_id{job->request->id()}, after, timeline_page},
        args_.settings.ask_timeout,
        [this, job](const result<store::fact_page>& got) {
          if (!got)
            return job->request->answer(got.error());
          job->facts.insert(job->facts.end(), got->facts.begin(),
                            got->facts.end());
          if (got->facts.size() == timeline_page)
            return collect(job);
          answer_timeline(*job);
        });
  }

  static void answer_timeline(const timeline_job& job) {
    const auto& task = job.request->id();
    auto body = timeline_json(task, job.facts, job.wanted.mode,
                              job.wanted.with_payloads);
    if (!job.wanted.persist)
      return job.request->answer(200, body);
    // Every fact is stored already: there is nothing left to persist.
    json_out receipt;
    receipt["status"] = "accepted";
    receipt["workflow_id"] = task;
    receipt["count"] = body["stats"]["total"];
    job.request->answer(202, receipt);
  }

  void cancel(const call_ptr& request) {
    auto reason
        = read_cancel_reason(request->request(), args_.settings.json_depth_max);
    if (!reason)
      return request->answer(std::move(reason.error()));
    with_head(request, [this, request,
                        reason = *reason](const store::log_head& head) {
      if (store::is_terminal(head.status))
        return answer_cancel(*request, false, "Task has already ended");
      remote::CancelTask msg;
      msg.set_task(head.log.value);
      msg.set_reason(reason);
      msg.set_by(identify(request->request()).user.value);
      ask_run<remote::CancelAck>(
          {"workflow/" + head.log.value}, std::move(msg),
          [this, request](const result<remote::CancelAck>& got) {
            // It ended between the look at its head and now: maybe by this
            // very request, asked a second time because its node moved.
            if (!got && got.error().code == errc::not_found)
              return answer_cancel_of_ended(request);
            if (!got)
              return request->answer(got.error());
            answer_cancel(*request, got->success(), got->message());
          });
    });
  }

  void answer_cancel_of_ended(const call_ptr& request) {
    with_head(request, [request](const store::log_head& head) {
      auto cancelled = head.status == store::log_status::cancelled;
      answer_cancel(*request, cancelled,
                    cancelled ? "" : "Task has already ended");
    });
  }

  static void answer_cancel(call& request, bool success, std::string text) {
    if (text.empty())
      text = success ? "Task cancelled successfully" : "Task was not cancelled";
    json_out body;
    body["success"] = success;
    body["message"] = std::move(text);
    request.answer(202, body);
  }

  // -- streams ----------------------------------------------------------------

  void redirect_stream(const call_ptr& request) {
    auto target = read_stream_redirect(request->request(), request->id());
    target ? request->answer(redirect_answer(307, *target))
           : request->answer(std::move(target.error()));
  }

  void open_stream(const call_ptr& request) {
    auto wanted = read_stream(request->request());
    if (!wanted)
      return request->answer(std::move(wanted.error()));
    if (request->request().method == "HEAD")
      return request->answer(
          {200, {{"Content-Type", "text/event-stream"}}, {}});
    if (draining_)
      return request->answer(
          error{errc::unavailable, "the node is draining", true, std::nullopt});
    auto number = ++streams_started;
    auto fields = request->trace_fields();
    streams_[number] = spawn_stream(
        *this,
        {env(), args_.metrics, number, std::move(*wanted), request->release(),
         std::move(fields), args_.settings.sse_heartbeat,
         args_.settings.ask_timeout, args_.settings.sse_buffer_bytes_max,
         [this, post = poster()](std::uint64_t ended) {
           post([this, ended] { streams_.erase(ended); });
         }});
  }

  // -- runs, for operators ----------------------------------------------------

  /// Gives `then` the head of any log, an agent's too, whoever's it is: the
  /// admin port is for those who look after all of them.
  template <class F>
  void with_run(const call_ptr& request, F then) {
    ask<store::log_head>(
        {"store"}, store::get_head{log_id{request->id()}},
        args_.settings.ask_timeout,
        [request, then = std::move(then)](const result<store::log_head>& got) {
          if (got)
            then(*got);
          else if (got.error().code == errc::not_found)
            request->answer(error_answer(404, request->id() + ": no such run"));
          else
            request->answer(got.error());
        });
  }

  /// The same for one that has not ended; others can be told nothing.
  template <class F>
  void with_open_run(const call_ptr& request, F then) {
    with_run(request,
             [request, then = std::move(then)](const store::log_head& head) {
               if (store::is_terminal(head.status))
                 return request->answer(
                     error_answer(409, request->id() + " has ended already"));
               then(shannon::address{head.birth.kind + "/" + head.log.value});
             });
  }

  void describe_run(const call_ptr& request) {
    with_run(request, [this, request](const store::log_head& head) {
      if (store::is_terminal(head.status))
        return request->answer(200, run_json(head, nullptr));
      remote::DescribeRun msg;
      msg.set_run(head.log.value);
      ask_run<remote::RunDescription>(
          {head.birth.kind + "/" + head.log.value}, std::move(msg),
          [request, head](const result<remote::RunDescription>& got) {
            // It ended between the look at its head and now.
            if (!got && got.error().code != errc::not_found)
              return request->answer(got.error());
            request->answer(200, run_json(head, got ? &*got : nullptr));
          });
    });
  }

  void signal_run(const call_ptr& request) {
    auto msg = read_signal(request->request(), request->id(),
                           args_.settings.json_depth_max);
    if (!msg)
      return request->answer(std::move(msg.error()));
    with_open_run(
        request, [this, request, msg = std::move(*msg)](shannon::address run) {
          ask_run<remote::SignalAck>(run, msg,
                                     [request, id = msg.signal_id()](
                                         const result<remote::SignalAck>& got) {
                                       if (!got)
                                         return request->answer(got.error());
                                       json_out body;
                                       body["signal_id"] = id;
                                       request->answer(200, body);
                                     });
        });
  }

  void resume_run(const call_ptr& request) {
    auto msg = read_resume(request->request(), request->id(),
                           args_.settings.json_depth_max);
    if (!msg)
      return request->answer(std::move(msg.error()));
    with_open_run(
        request, [this, request, msg = std::move(*msg)](shannon::address run) {
          ask_run<remote::ResumeAck>(
              run, msg, [request](const result<remote::ResumeAck>& got) {
                if (!got)
                  return request->answer(got.error());
                if (!got->success())
                  return request->answer(error_answer(409, got->message()));
                json_out body;
                body["success"] = true;
                body["message"] = got->message();
                request->answer(200, body);
              });
        });
  }

  void query_run(const call_ptr& request) {
    auto msg = read_query(request->request(), request->id(),
                          args_.settings.json_depth_max);
    if (!msg)
      return request->answer(std::move(msg.error()));
    with_open_run(
        request, [this, request, msg = std::move(*msg)](shannon::address run) {
          ask_run<remote::QueryAnswer>(
              run, msg, [request](const result<remote::QueryAnswer>& got) {
                got ? request->answer(200, query_json(*got))
                    : request->answer(got.error());
              });
        });
  }

  gateway_args args_;
  std::uint64_t serving_ = 0;
  bool draining_ = false;
  std::map<std::uint64_t, caf::actor> streams_;
};

} // namespace

caf::actor spawn_gateway(caf::local_actor& parent, gateway_args args) {
  return parent.spawn<gateway>(std::move(args));
}

} // namespace shannon::gateway
