#pragma once

#include "actors/gateway/resources/task_queries.hpp"
#include "actors/gateway/routes/call.hpp"
#include "actors/kit/actor_base.hpp"
#include "config/settings.hpp"
#include "protocols/store.hpp"
#include "protocols/tenant_logs.hpp"

#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace shannon::gateway {

/// Before a run that is moving is asked again.
inline constexpr std::chrono::milliseconds move_pause{100};

/// What the handlers of all resources do with the actor they run in: it asks
/// other actors for them. They are called on it, one at a time.
class desk : public kit::actor_base {
public:
  using actor_base::actor_base;

  using actor_base::after;
  using actor_base::ask;
  using actor_base::clock_now;
  using actor_base::env;
  using actor_base::poster;
  using actor_base::refuse;
  using actor_base::reply;
  using actor_base::tell;

  virtual const config::http_settings& settings() const noexcept = 0;
  /// The node drains: what is begun is ended, nothing long is begun.
  virtual bool is_draining() const noexcept = 0;
  /// Has this node room for a new task? Nothing if so, or if it is another
  /// node's to carry; else why it is refused.
  virtual std::optional<error> no_room_for(const log_id& task) = 0;

  /// What the request has opened lives longer than it: `end` is called once
  /// its credential opens nothing any more, unless it is let go before.
  virtual std::uint64_t keep_open(const call_ptr& request,
                                  std::function<void()> end)
      = 0;
  virtual void let_go(std::uint64_t ticket) = 0;

  /// Asks a run, and again while its node is being found: it may be moving, or
  /// have lost its node a moment ago. What is asked so may be asked twice.
  template <class Answer, class F>
  void ask_run(const shannon::address& run, message_body what, F then) {
    auto until = clock_now() + settings().move_patience;
    ask_run_until<Answer>(run, std::move(what), until, std::move(then));
  }

  /// Asks the EVENT STORE.
  template <class Answer, class F>
  void ask_store(message_body what, F then) {
    ask<Answer>({"store"}, std::move(what), settings().ask_timeout,
                std::move(then));
  }

  /// Asks for the head of a log as the caller may see it: one of another tenant
  /// is `not_found`, but for whoever reaches the admin port.
  template <class F>
  void ask_head(const call_ptr& request, log_id log, F then) {
    if (request->is_for_operators())
      ask_store<store::log_head>(store::get_head{std::move(log)},
                                 std::move(then));
    else
      ask_store<store::log_head>(
          store::get_tenant_head{request->who().tenant, std::move(log)},
          std::move(then));
  }

  /// The same for its facts.
  template <class F>
  void ask_facts(const call_ptr& request, store::read_facts page, F then) {
    if (request->is_for_operators())
      ask_store<store::fact_page>(std::move(page), std::move(then));
    else
      ask_store<store::fact_page>(
          store::read_tenant_facts{request->who().tenant, std::move(page)},
          std::move(then));
  }

  /// Gives `then` the head of a task that the caller may see. Agents' logs and
  /// other tenants' tasks do not exist for a client; whoever reaches the admin
  /// port sees the tasks of all.
  template <class F>
  void with_task(const call_ptr& request, const std::string& task, F then) {
    find_task(request, task, std::nullopt, std::move(then));
  }

  /// The same for the task that the path names.
  template <class F>
  void with_task(const call_ptr& request, F then) {
    with_task(request, request->id(), std::move(then));
  }

  /// Gives `then` the head of a task that the caller may steer: besides, it is
  /// the caller's own, or nobody's in particular.
  template <class F>
  void with_own_task(const call_ptr& request, const std::string& task, F then) {
    find_task(request, task, request->who().user, std::move(then));
  }

  template <class F>
  void with_own_task(const call_ptr& request, F then) {
    with_own_task(request, request->id(), std::move(then));
  }

private:
  /// `owner`: nobody, or the only one for whom the task exists.
  template <class F>
  void find_task(const call_ptr& request, const std::string& task,
                 const std::optional<user_id>& owner, F then) {
    auto id = read_task_id(task);
    if (!id)
      return request->answer(std::move(id.error()));
    ask_head(request, std::move(*id),
             [request, owner,
              then = std::move(then)](const result<store::log_head>& got) {
               if (got && got->birth.kind == "workflow"
                   && (request->is_for_operators()
                       || is_seen_by(got->birth, request->who(), owner)))
                 then(*got);
               else if (got || got.error().code == errc::not_found)
                 request->answer(error_answer(404, "Task not found"));
               else
                 request->answer(got.error());
             });
  }

  static bool is_seen_by(const store::log_birth& task, const identity& who,
                         const std::optional<user_id>& owner) {
    return task.tenant == who.tenant
           && (!owner || task.user.empty() || task.user == *owner);
  }

  template <class Answer, class F>
  void ask_run_until(const shannon::address& run, message_body what,
                     std::chrono::steady_clock::time_point until, F then) {
    ask<Answer>(run, what, settings().ask_timeout,
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
};

/// Which handler stands behind which endpoint.
class handler_table {
public:
  using handler = std::function<void(const call_ptr&)>;

  void set(endpoint which, handler run) {
    all_[static_cast<std::size_t>(which)] = std::move(run);
  }
  const handler& at(endpoint which) const {
    return all_[static_cast<std::size_t>(which)];
  }

private:
  std::array<handler, endpoints> all_;
};

} // namespace shannon::gateway
