#include "actors/gateway/resources/schedule_handlers.hpp"

#include "actors/gateway/resources/schedule_json.hpp"
#include "actors/gateway/resources/session_json.hpp"
#include "actors/gateway/resources/submit_request.hpp"
#include "actors/gateway/text/identifiers.hpp"
#include "actors/gateway/text/query_string.hpp"
#include "protocols/remote/workflow.pb.h"
#include "protocols/sessions.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace shannon::gateway {

namespace {

constexpr std::int64_t page_most = 100;

http_response no_such() {
  return error_answer(404, "Schedule not found");
}

/// A page as this part of the contract counts them: from 1.
struct page {
  std::uint32_t number = 1;
  std::uint32_t size = 50;
  std::uint32_t offset() const noexcept {
    return (number - 1) * size;
  }
};

page read_page(const query_string& query, std::int64_t usual) {
  page out;
  out.number = static_cast<std::uint32_t>(
      query.number("page", 1, 1, 100'000).value_or(1));
  out.size = static_cast<std::uint32_t>(
      query.number("page_size", usual, 1, page_most).value_or(usual));
  return out;
}

std::int64_t us_of(std::chrono::system_clock::time_point at) {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             at.time_since_epoch())
      .count();
}

class schedule_handlers {
public:
  explicit schedule_handlers(desk& gateway) : gateway_(gateway) {}

  void create(const call_ptr& request) {
    auto what = read_schedule(request->request(), depth_max());
    if (!what)
      return request->answer(std::move(what.error()));
    const auto& who = request->who();
    what->set_id(random_uuid());
    what->set_tenant(who.tenant.value);
    what->set_user(who.user.value);
    what->set_created_at_us(now_us());
    what->set_updated_at_us(what->created_at_us());
    what->set_seen_until_us(what->created_at_us());
    what->set_next_run_at_us(next_run_us(*what, gateway_.env().now()));
    gateway_.ask_store<store::head_page>(
        of_user(request, 1, 0), [this, request, what = std::move(*what)](
                                    const result<store::head_page>& got) {
          if (!got)
            return request->answer(got.error());
          if (got->total >= schedules_max)
            return request->answer(error_answer(
                429, "schedule limit reached: " + std::to_string(schedules_max)
                         + " per user"));
          open_session(request, what);
        });
  }

  void list(const call_ptr& request) {
    auto query = query_string::parse(request->request().query);
    if (!query)
      return request->answer(query.error());
    auto which = read_page(*query, 50);
    auto wanted = of_user(request, which.size, which.offset());
    const auto& status = query->get("status");
    if (status == "ACTIVE" || status == "PAUSED")
      wanted.attributes["status"] = status;
    gateway_.ask_store<store::head_page>(
        std::move(wanted),
        [request, which](const result<store::head_page>& got) {
          if (!got)
            return request->answer(got.error());
          auto all = json_out::array();
          for (const auto& head : got->heads)
            if (auto what = schedule_of(head))
              all.push_back(schedule_json(*what));
          json_out body;
          body["schedules"] = std::move(all);
          body["total_count"] = got->total;
          body["page"] = which.number;
          body["page_size"] = which.size;
          request->answer(200, body);
        });
  }

  void get(const call_ptr& request) {
    with_schedule(request, [request](const remote::Schedule& what) {
      request->answer(200, schedule_json(what));
    });
  }

  void runs(const call_ptr& request) {
    auto query = query_string::parse(request->request().query);
    if (!query)
      return request->answer(query.error());
    auto which = read_page(*query, 20);
    with_schedule(request,
                  [this, request, which](const remote::Schedule& what) {
                    store::list_heads wanted;
                    wanted.tenant = request->who().tenant;
                    wanted.user = request->who().user;
                    wanted.parent = log_id{what.id()};
                    wanted.limit = which.size;
                    wanted.offset = which.offset();
                    gateway_.ask_store<store::head_page>(
                        std::move(wanted),
                        [request, which](const result<store::head_page>& got) {
                          if (!got)
                            return request->answer(got.error());
                          auto all = json_out::array();
                          for (const auto& head : got->heads)
                            all.push_back(schedule_run_json(head));
                          json_out body;
                          body["runs"] = std::move(all);
                          body["total_count"] = got->total;
                          body["page"] = which.number;
                          body["page_size"] = which.size;
                          request->answer(200, body);
                        });
                  });
  }

  void update(const call_ptr& request) {
    with_schedule(request, [this, request](const remote::Schedule& known) {
      auto to = read_schedule_update(request->request(), depth_max(), known);
      if (!to)
        return request->answer(std::move(to.error()));
      change(request, remote::ScheduleChange::UPDATE, *to,
             "Schedule updated successfully");
    });
  }

  void set_paused(const call_ptr& request, bool paused) {
    with_schedule(request,
                  [this, request, paused](const remote::Schedule& known) {
                    auto to = known;
                    to.set_paused(paused);
                    change(request,
                           paused ? remote::ScheduleChange::PAUSE
                                  : remote::ScheduleChange::RESUME,
                           to,
                           paused ? "Schedule paused successfully"
                                  : "Schedule resumed successfully");
                  });
  }

  void remove(const call_ptr& request) {
    with_schedule(request, [this, request](const remote::Schedule& known) {
      auto to = known;
      to.set_deleted(true);
      change(request, remote::ScheduleChange::DELETE, to,
             "Schedule deleted successfully");
    });
  }

private:
  std::uint32_t depth_max() const {
    return gateway_.settings().json_depth_max;
  }
  std::int64_t now_us() {
    return us_of(gateway_.env().now());
  }

  /// Those of the caller that have not been deleted.
  static store::list_heads of_user(const call_ptr& request, std::uint32_t limit,
                                   std::uint32_t offset) {
    store::list_heads wanted;
    wanted.kind = "schedule";
    wanted.tenant = request->who().tenant;
    wanted.user = request->who().user;
    wanted.statuses
        = {store::log_status::queued, store::log_status::running,
           store::log_status::paused, store::log_status::needs_operator};
    wanted.limit = limit;
    wanted.offset = offset;
    return wanted;
  }

  /// Of all its tasks. The schedule's log is filed under it, so that it stays
  /// for as long as that does, however rarely a task comes.
  void open_session(const call_ptr& request, const remote::Schedule& what) {
    auto ids = session_ids_of(tenant_id{what.tenant()}, user_id{what.user()},
                              "schedule-" + what.id());
    remote::TaskInput first;
    first.set_query(what.name());
    json_out context = json_out::object();
    for (const auto& [key, value] : what.task_context())
      context[key] = value;
    first.set_context_json(context.dump());
    gateway_.ask<sessions::opened>(
        {"records"},
        sessions::open{tenant_id{what.tenant()},
                       first_session(ids, user_id{what.user()}, first)},
        gateway_.settings().ask_timeout,
        [this, request, what, ids](const result<sessions::opened>& got) {
          got ? start(request, what, ids.name) : request->answer(got.error());
        });
  }

  void start(const call_ptr& request, const remote::Schedule& what,
             const std::string& session) {
    remote::StartRun msg;
    msg.set_run(what.id());
    msg.set_program("schedule");
    msg.set_input(what.SerializeAsString());
    msg.set_tenant(what.tenant());
    msg.set_user(what.user());
    msg.set_session(session);
    gateway_.ask_run<remote::RunAccepted>(
        {"schedule/" + what.id()}, std::move(msg),
        [this, request, what](const result<remote::RunAccepted>& got) {
          if (!got)
            return request->answer(got.error());
          json_out body;
          body["schedule_id"] = what.id();
          body["message"] = "Schedule created successfully";
          body["next_run_at"] = next_run_text(what, gateway_.env().now());
          request->answer(201, body);
        });
  }

  /// Gives `then` the schedule that the path names, if it is the caller's.
  template <class F>
  void with_schedule(const call_ptr& request, F then) {
    gateway_.ask_head(
        request, log_id{request->id()},
        [request, then = std::move(then)](const result<store::log_head>& got) {
          if (!got && got.error().code != errc::not_found)
            return request->answer(got.error());
          if (!got || got->birth.kind != "schedule"
              || got->birth.tenant != request->who().tenant
              || got->birth.user != request->who().user
              || store::is_terminal(got->status))
            return request->answer(no_such());
          auto what = schedule_of(*got);
          what ? then(*what) : request->answer(no_such());
        });
  }

  void change(const call_ptr& request, remote::ScheduleChange::What how,
              const remote::Schedule& to, std::string message) {
    remote::ScheduleChange wish;
    wish.set_what(how);
    wish.set_at_us(now_us());
    *wish.mutable_schedule() = to;
    remote::SignalTask msg;
    msg.set_task(to.id());
    msg.set_name("change");
    msg.set_signal_id(random_uuid());
    msg.set_payload(wish.SerializeAsString());
    gateway_.ask_run<remote::SignalAck>(
        {"schedule/" + to.id()}, std::move(msg),
        [this, request, to,
         message = std::move(message)](const result<remote::SignalAck>& got) {
          if (!got && got.error().code == errc::not_found)
            return request->answer(no_such());
          if (!got)
            return request->answer(got.error());
          json_out body;
          body["success"] = true;
          body["message"] = message;
          if (auto next = next_run_text(to, gateway_.env().now());
              !next.empty())
            body["next_run_at"] = next;
          request->answer(200, body);
        });
  }

  desk& gateway_;
};

} // namespace

void add_schedule_handlers(handler_table& table, desk& gateway) {
  using enum endpoint;
  auto all = std::make_shared<schedule_handlers>(gateway);
  table.set(create_schedule, [all](auto& call) { all->create(call); });
  table.set(list_schedules, [all](auto& call) { all->list(call); });
  table.set(get_schedule, [all](auto& call) { all->get(call); });
  table.set(get_schedule_runs, [all](auto& call) { all->runs(call); });
  table.set(update_schedule, [all](auto& call) { all->update(call); });
  table.set(pause_schedule, [all](auto& call) { all->set_paused(call, true); });
  table.set(resume_schedule,
            [all](auto& call) { all->set_paused(call, false); });
  table.set(delete_schedule, [all](auto& call) { all->remove(call); });
}

} // namespace shannon::gateway
