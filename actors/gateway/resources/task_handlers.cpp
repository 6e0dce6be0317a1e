#include "actors/gateway/resources/task_handlers.hpp"

#include "actors/gateway/placement.hpp"
#include "actors/gateway/recorded_answers.hpp"
#include "actors/gateway/resources/run_events.hpp"
#include "actors/gateway/resources/session_json.hpp"
#include "actors/gateway/resources/submit_request.hpp"
#include "actors/gateway/resources/task_json.hpp"
#include "actors/gateway/text/identifiers.hpp"
#include "actors/gateway/text/query_string.hpp"
#include "protocols/remote/workflow.pb.h"
#include "protocols/sessions.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace shannon::gateway {

namespace {

/// Facts of one read while a timeline is collected.
constexpr std::uint32_t timeline_page = 500;

class task_handlers {
public:
  explicit task_handlers(desk& gateway) : gateway_(gateway) {}

  // -- submitting -------------------------------------------------------------

  void submit(const call_ptr& request) {
    if (auto wrong = check_idempotency_key(request->request()))
      return request->answer(std::move(*wrong));
    auto read = read_submit(request->request(), request->who(),
                            gateway_.settings().json_depth_max);
    if (!read)
      return request->answer(std::move(read.error()));
    auto job = std::make_shared<submission>();
    job->request = request;
    job->start = std::move(*read);
    auto* input = job->start.mutable_input();
    const auto& who = request->who();
    input->set_tenant(who.tenant.value);
    input->set_user(who.user.value);
    if (request->request().has("idempotency-key"))
      input->set_request_digest(request_digest(request->request()));
    input->set_submitted_at_us(
        std::chrono::duration_cast<std::chrono::microseconds>(
            gateway_.env().now().time_since_epoch())
            .count());
    new_task_ids ids;
    if (request->request().find("idempotency-key").empty()) {
      job->place.emplace(gateway_.env().shards);
      ids = {job->place->first(), random_uuid()};
    } else {
      ids = named_ids(request->request(), who);
    }
    job->start.set_task(ids.task);
    if (auto why = gateway_.no_room_for(log_id{job->start.task()}))
      if (!is_placed_elsewhere(*job))
        return request->answer(*why);
    job->goes_on = !input->session().empty();
    auto session = session_ids_of(
        who.tenant, who.user, job->goes_on ? input->session() : ids.session);
    job->said = session.name;
    job->by_id = job->goes_on && is_uuid(session.name);
    input->set_session(session.name);
    job->session = first_session(session, who.user, *input);
    // A task that is not planned is one model's answer, and has no second call.
    job->may_name = input->mode() != "simple";
    input->set_names_session(job->may_name);
    if (!job->goes_on) {
      // What its first task needs is known: both are made by one append.
      *job->start.mutable_opens() = opening_of(job->session);
      return start(job);
    }
    job->open = 2;
    open_session(job);
    if (!job->by_id)
      read_history(job);
  }

  // -- looking ----------------------------------------------------------------

  void list(const call_ptr& request) {
    auto wanted = read_list(request->request(), request->who().tenant);
    if (!wanted)
      return request->answer(std::move(wanted.error()));
    wanted->user = request->who().user;
    if (!wanted->session)
      return tell_list(request, *wanted);
    // One that was deleted and has begun again has none of before; of one that
    // is not there any more, or never was, those filed under its name are told.
    gateway_.ask<sessions::session>(
        {"records"},
        sessions::find{wanted->tenant, *wanted->user, wanted->session->value},
        gateway_.settings().ask_timeout,
        [this, request,
         wanted = *wanted](const result<sessions::session>& got) mutable {
          if (!got && got.error().code != errc::not_found)
            return request->answer(got.error());
          if (got) {
            wanted.session = got->name;
            wanted.since = got->since;
          }
          tell_list(request, wanted);
        });
  }

  void tell_list(const call_ptr& request, const store::list_heads& wanted) {
    gateway_.ask_store<store::head_page>(
        wanted, [request](const result<store::head_page>& got) {
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

  void get(const call_ptr& request) {
    gateway_.with_task(request, [request](const store::log_head& head) {
      auto answer = json_answer(200, task_detail(head));
      answer.fields.emplace_back("X-Workflow-ID", head.log.value);
      request->answer(std::move(answer));
    });
  }

  void events(const call_ptr& request) {
    auto wanted = read_events(request->request(), request->id());
    if (!wanted)
      return request->answer(std::move(wanted.error()));
    // Of a task that is not there, or not for this caller, nothing is told, and
    // neither which it is: clients take an error for more than that.
    gateway_.ask_head(
        request, log_id{request->id()},
        [this, request,
         wanted = std::move(*wanted)](const result<store::log_head>& got) {
          if (!got && got.error().code != errc::not_found)
            return request->answer(got.error());
          if (!got || !is_shown_to(*request, got->birth))
            return request->answer(200, events_json(request->id(), {}));
          tell_events(request, wanted);
        });
  }

  void timeline(const call_ptr& request) {
    auto task = named_task(*request);
    auto wanted = read_timeline(request->request(), task);
    if (!wanted)
      return request->answer(std::move(wanted.error()));
    gateway_.with_task(request, task,
                       [this, request, task, wanted = *wanted](const auto&) {
                         collect(std::make_shared<timeline_job>(
                             timeline_job{request, task, wanted, {}}));
                       });
  }

  void redirect(const call_ptr& request) {
    auto target = read_stream_redirect(request->request(), request->id());
    target ? request->answer(redirect_answer(307, *target))
           : request->answer(std::move(target.error()));
  }

private:
  /// A task that is on its way to be accepted.
  struct submission {
    call_ptr request;
    sessions::session session;
    /// Where its id is the gateway's to choose.
    std::optional<task_placement> place;
    std::string said;     ///< What the client calls the session.
    bool goes_on = false; ///< With a session of the client's.
    /// Named by its id: what its tasks are filed under must be looked up.
    bool by_id = false;
    bool may_name = false; ///< The session, if that has no title.
    remote::StartTask start;
    std::vector<store::log_head> earlier; ///< Of the session, newest first.
    int open = 0; ///< What must be known before the next thing is done.
    bool answered = false;
    std::optional<remote::TaskAccepted> accepted;
  };
  using submission_ptr = std::shared_ptr<submission>;

  static void refuse(submission& job, http_response why) {
    if (!std::exchange(job.answered, true))
      job.request->answer(std::move(why));
  }

  void open_session(const submission_ptr& job) {
    gateway_.ask<sessions::opened>(
        {"records"}, sessions::open{job->request->who().tenant, job->session},
        gateway_.settings().ask_timeout,
        [this, job](const result<sessions::opened>& got) {
          if (!got)
            return refuse(*job, got.error().code == errc::not_found
                                    ? error_answer(404, "Session not found")
                                    : error_answer(got.error()));
          if (job->goes_on)
            job->start.mutable_input()->set_names_session(job->may_name
                                                          && !got->what.titled);
          job->session.since = got->what.since;
          if (job->by_id) {
            job->session.name = got->what.name;
            job->start.mutable_input()->set_session(got->what.name.value);
            read_history(job);
          }
          is_known(job);
        });
  }

  /// What was said in the session before, unless the client tells it itself.
  void read_history(const submission_ptr& job) {
    if (job->start.input().history_size() > 0)
      return is_known(job);
    auto messages = history_window(job->start.input().context_json());
    store::list_heads earlier;
    earlier.tenant = job->request->who().tenant;
    earlier.user = job->request->who().user;
    earlier.session = job->session.name;
    earlier.statuses = {store::log_status::completed};
    earlier.limit = static_cast<std::uint32_t>((messages + 1) / 2);
    gateway_.ask_store<store::head_page>(
        std::move(earlier), [this, job](const result<store::head_page>& got) {
          if (!got)
            return refuse(*job, error_answer(got.error()));
          job->earlier = got->heads;
          is_known(job);
        });
  }

  /// Of a session that has begun again nothing from before is told.
  static void tell_history(submission& job) {
    std::erase_if(job.earlier, [&](const store::log_head& one) {
      return one.created_at < job.session.since;
    });
    auto* input = job.start.mutable_input();
    for (auto& one :
         history_of(job.earlier, history_window(input->context_json())))
      *input->add_history() = std::move(one);
  }

  void is_known(const submission_ptr& job) {
    if (--job->open > 0 || job->answered)
      return;
    if (job->goes_on && !job->accepted) {
      tell_history(*job);
      return start(job);
    }
    if (job->accepted)
      answer_accepted(*job);
  }

  void start(const submission_ptr& job) {
    // The files go; what is answered with stays.
    remote::StartTask msg;
    msg.set_task(job->start.task());
    *msg.mutable_input() = job->start.input();
    msg.mutable_bodies()->Swap(job->start.mutable_bodies());
    if (job->start.has_opens())
      *msg.mutable_opens() = job->start.opens();
    ask_owner(job, std::move(msg));
  }

  /// A node that has no room has begun nothing: another may take the task,
  /// under another id.
  void ask_owner(const submission_ptr& job, remote::StartTask msg) {
    message_body what{std::move(msg)};
    gateway_.ask_run<remote::TaskAccepted>(
        {"workflow/" + job->start.task()}, what,
        [this, job, what](const result<remote::TaskAccepted>& got) {
          if (!got) {
            if (got.error().code != errc::overloaded
                || !is_placed_elsewhere(*job))
              return refuse(*job, error_answer(got.error()));
            auto again = *what.get_if<remote::StartTask>();
            again.set_task(job->start.task());
            return ask_owner(job, std::move(again));
          }
          job->accepted = *got;
          if (job->goes_on || got->session_opened())
            return answer_accepted(*job);
          // By a node of an older version, which does not do that.
          job->open = 1;
          open_session(job);
        });
  }

  static bool is_placed_elsewhere(submission& job) {
    auto task
        = job.answered || !job.place ? std::nullopt : job.place->another();
    if (task)
      job.start.set_task(std::move(*task));
    return task.has_value();
  }

  static void answer_accepted(submission& job) {
    job.answered = true;
    auto& request = *job.request;
    if (job.accepted->request_digest() != job.start.input().request_digest())
      return request.answer(other_body_answer(request.request()));
    request.answer(accepted(request, *job.accepted, job.said));
  }

  static http_response accepted(const call& request,
                                const remote::TaskAccepted& got,
                                const std::string& session) {
    const auto& task = got.task();
    json_out body;
    http_response answer;
    auto stream = "/api/v1/stream/sse?workflow_id=" + task;
    if (request.leads_to() == endpoint::submit_task) {
      body["task_id"] = task;
      body["status"] = "STATUS_CODE_OK";
      body["message"] = "Task submitted successfully. Session: " + session;
      body["created_at"] = timestamp(std::chrono::system_clock::time_point{
          std::chrono::microseconds{got.submitted_at_us()}});
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
    if (got.existed() && !got.request_digest().empty())
      mark_repeated(answer, request.request());
    return answer;
  }

  static bool is_shown_to(const call& request, const store::log_birth& log) {
    return log.kind == "workflow"
           && (request.is_for_operators()
               || log.tenant == request.who().tenant);
  }

  void tell_events(const call_ptr& request, const store::read_facts& wanted) {
    gateway_.ask_facts(
        request, wanted, [request](const result<store::fact_page>& got) {
          got ? request->answer(200, events_json(request->id(), *got))
              : request->answer(got.error());
        });
  }

  static json_out events_json(const std::string& task,
                              const store::fact_page& page) {
    auto events = json_out::array();
    for (const auto& fact : page.facts)
      events.push_back(event_json(task, event_of(fact)));
    auto count = events.size();
    json_out body;
    body["events"] = std::move(events);
    body["count"] = count;
    return body;
  }

  struct timeline_job {
    call_ptr request;
    std::string task;
    timeline_request wanted;
    std::vector<store::recorded_fact> facts;
  };

  /// The task that the path names, or on the admin port the query.
  static std::string named_task(const call& request) {
    if (request.names_one())
      return request.id();
    auto query = query_string::parse(request.request().query);
    return query ? query->get("workflow_id") : std::string{};
  }

  void collect(const std::shared_ptr<timeline_job>& job) {
    auto after = job->facts.empty() ? 0 : job->facts.back().version;
    gateway_.ask_facts(
        job->request,
        store::read_facts{log_id{job->task}, after, timeline_page},
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
    const auto& task = job.task;
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

  desk& gateway_;
};

} // namespace

void add_task_handlers(handler_table& table, desk& gateway) {
  using enum endpoint;
  auto tasks = std::make_shared<task_handlers>(gateway);
  table.set(submit_task, [tasks](auto& call) { tasks->submit(call); });
  table.set(submit_task_stream, [tasks](auto& call) { tasks->submit(call); });
  table.set(list_tasks, [tasks](auto& call) { tasks->list(call); });
  table.set(get_task, [tasks](auto& call) { tasks->get(call); });
  table.set(get_events, [tasks](auto& call) { tasks->events(call); });
  table.set(get_timeline, [tasks](auto& call) { tasks->timeline(call); });
  table.set(redirect_stream, [tasks](auto& call) { tasks->redirect(call); });
}

} // namespace shannon::gateway
