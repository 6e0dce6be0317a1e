#include "actors/gateway/resources/task_handlers.hpp"

#include "actors/gateway/resources/run_events.hpp"
#include "actors/gateway/resources/submit_request.hpp"
#include "actors/gateway/resources/task_json.hpp"
#include "actors/gateway/text/identifiers.hpp"
#include "actors/kit/owned_shards.hpp"
#include "protocols/remote/workflow.pb.h"

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace shannon::gateway {

namespace {

/// Facts of one read while a timeline is collected.
constexpr std::uint32_t timeline_page = 500;

constexpr std::size_t idempotency_key_bytes_max = 255;

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

class task_handlers {
public:
  explicit task_handlers(desk& gateway) : gateway_(gateway) {}

  // -- submitting -------------------------------------------------------------

  void submit(const call_ptr& request) {
    auto input
        = read_submit(request->request(), gateway_.settings().json_depth_max);
    if (!input)
      return request->answer(std::move(input.error()));
    const auto& who = request->who();
    auto key = std::string{request->request().find("idempotency-key")};
    if (key.size() > idempotency_key_bytes_max)
      return request->answer(error_answer(
          400, "Invalid Idempotency-Key: longer than "
                   + std::to_string(idempotency_key_bytes_max) + " bytes"));
    if (!key.empty())
      input->set_request_digest(request_digest(request->request()));
    input->set_submitted_at_us(
        std::chrono::duration_cast<std::chrono::microseconds>(
            gateway_.env().now().time_since_epoch())
            .count());
    auto ids = ids_for(request->request(), who,
                       [shards = gateway_.env().shards](const log_id& log) {
                         return !shards
                                || shards->of(log) != kit::standing::elsewhere;
                       });
    if (input->session().empty())
      input->set_session(ids.session);
    input->set_tenant(who.tenant.value);
    input->set_user(who.user.value);
    auto session = input->session();
    auto digest = input->request_digest();
    remote::StartTask start;
    start.set_task(ids.task);
    *start.mutable_input() = std::move(*input);
    gateway_.ask_run<remote::TaskAccepted>(
        {"workflow/" + ids.task}, std::move(start),
        [request, session, digest](const result<remote::TaskAccepted>& got) {
          if (!got)
            return request->answer(got.error());
          if (got->request_digest() != digest)
            return request->answer(other_body(*request));
          request->answer(accepted(*request, *got, session));
        });
  }

  // -- looking ----------------------------------------------------------------

  void list(const call_ptr& request) {
    auto wanted = read_list(request->request(), request->who().tenant);
    if (!wanted)
      return request->answer(std::move(wanted.error()));
    gateway_.ask_store<store::head_page>(
        std::move(*wanted), [request](const result<store::head_page>& got) {
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
    gateway_.with_task(request, [this, request, wanted = std::move(*wanted)](
                                    const store::log_head&) {
      gateway_.ask_store<store::fact_page>(
          wanted, [request](const result<store::fact_page>& got) {
            got ? request->answer(200, events_json(request->id(), *got))
                : request->answer(got.error());
          });
    });
  }

  void timeline(const call_ptr& request) {
    auto wanted = read_timeline(request->request(), request->id());
    if (!wanted)
      return request->answer(std::move(wanted.error()));
    gateway_.with_task(request, [this, request, wanted = *wanted](const auto&) {
      collect(
          std::make_shared<timeline_job>(timeline_job{request, wanted, {}}));
    });
  }

  void redirect(const call_ptr& request) {
    auto target = read_stream_redirect(request->request(), request->id());
    target ? request->answer(redirect_answer(307, *target))
           : request->answer(std::move(target.error()));
  }

private:
  static http_response other_body(const call& request) {
    return error_answer(
        422, "Idempotency-Key \""
                 + std::string{request.request().find("idempotency-key")}
                 + "\" was used with another body before: send that body "
                   "again, or another key");
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
    if (got.existed() && !got.request_digest().empty()) {
      auto key = request.request().find("idempotency-key");
      answer.fields.emplace_back("X-Idempotency-Cached", "true");
      answer.fields.emplace_back("X-Idempotency-Key", header_safe(key));
    }
    return answer;
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
    timeline_request wanted;
    std::vector<store::recorded_fact> facts;
  };

  void collect(const std::shared_ptr<timeline_job>& job) {
    auto after = job->facts.empty() ? 0 : job->facts.back().version;
    gateway_.ask_store<store::fact_page>(
        store::read_facts{log_id{job->request->id()}, after, timeline_page},
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
