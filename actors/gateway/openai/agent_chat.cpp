// A CHAT with an agent: a task like any other, whose events and words the
// client gets in its own language. The log is the truth, as for a STREAM; the
// words on their way only come before it.

#include "actors/gateway/openai/chat_actor.hpp"
#include "actors/gateway/openai/chat_task.hpp"
#include "actors/gateway/resources/session_json.hpp"
#include "protocols/facts/run.pb.h"
#include "protocols/sessions.hpp"
#include "protocols/tenant_logs.hpp"

#include <algorithm>
#include <utility>

namespace shannon::gateway::chat {

namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t page_facts = 64;
/// Before a run that is moving is asked again.
constexpr auto move_pause = 100ms;
/// A subscription is renewed this often: its WORKFLOW may have failed and come
/// back without it.
constexpr auto renew_after = 5s;
constexpr auto look_again = 250ms;

/// How many parts the plan in this event has; 0: it holds none.
std::size_t parts_of(const facts::Event& event) {
  auto payload = json_in::parse(event.payload_json(), nullptr, false);
  if (!payload.is_object())
    return 0;
  auto plan = payload.find("plan");
  return plan != payload.end() && plan->is_array() ? plan->size() : 0;
}

/// The task's end as an answer, or why there is none.
result<remote::LlmResponse> outcome_of(const store::log_head& head) {
  facts::Summary summary;
  summary.ParseFromString(head.summary);
  auto text = [&](const char* otherwise) {
    return summary.error().empty() ? std::string{otherwise} : summary.error();
  };
  switch (head.status) {
  case store::log_status::completed:
    break;
  case store::log_status::cancelled:
    return fail(errc::failed, "Task was cancelled");
  case store::log_status::timed_out:
    return fail(errc::timeout, text("Task timed out"));
  default:
    return fail(errc::failed, text("Task failed"));
  }
  remote::LlmResponse answer;
  answer.mutable_message()->set_role(remote::ChatMessage::ASSISTANT);
  answer.mutable_message()->set_text(summary.result());
  answer.set_model(summary.usage().model());
  answer.set_provider(summary.usage().provider());
  answer.set_finish_reason("stop");
  auto& usage = *answer.mutable_usage();
  usage.set_input_tokens(summary.usage().input_tokens());
  usage.set_output_tokens(summary.usage().output_tokens());
  usage.set_cost_nanousd(summary.usage().cost_nanousd());
  return answer;
}

} // namespace

// -- starting -----------------------------------------------------------------

void chat_actor::start_agent(chat_request request,
                             const config::chat_model& model) {
  auto start = task_of(request, model);
  if (!start)
    return answer_.refuse(start.error());
  auto* input = start->mutable_input();
  const auto& asked = args_.request->request();
  const auto& who = args_.request->who();
  auto session = session_of(request, who.user, asked.find("x-session-id"));
  // A key changes nothing for a chat: each request is a task of its own.
  task_ = place_.first();
  input->set_session(session.id);
  tenant_ = who.tenant;
  input->set_tenant(tenant_.value);
  input->set_user(who.user.value);
  sessions::open open{
      who.tenant,
      first_session(session_ids_of(who.tenant, who.user, session.id), who.user,
                    *input)};
  start->set_task(task_);
  answer_.set_field("X-Workflow-ID", task_);
  start_until_ = clock_now() + args_.settings->move_patience;
  args_.request.reset(); // Its body has been read.
  // A conversation that is new is told its names.
  ask<sessions::opened>(
      {"records"}, std::move(open), args_.settings->ask_timeout,
      [this, session,
       start = std::move(*start)](const result<sessions::opened>& got) mutable {
        if (!got)
          return refuse(got.error());
        if (got->is_new) {
          answer_.set_field("X-Session-ID", session.name);
          answer_.set_field("X-Shannon-Session-ID", session.id);
        }
        start_task(std::move(start));
      });
}

/// May be asked twice: the task has its id. A node that has no room has begun
/// nothing: then another is asked, under another id.
void chat_actor::start_task(remote::StartTask start) {
  message_body what{start};
  ask<remote::TaskAccepted>(
      {"workflow/" + task_}, what, args_.settings->ask_timeout,
      [this, start = std::move(start)](
          const result<remote::TaskAccepted>& got) mutable {
        if (got)
          return follow();
        if (got.error().code == errc::overloaded)
          if (auto task = place_.another()) {
            task_ = std::move(*task);
            start.set_task(task_);
            answer_.set_field("X-Workflow-ID", task_);
            return start_task(std::move(start));
          }
        if (got.error().code != errc::unavailable
            || clock_now() + move_pause > start_until_)
          return refuse(got.error());
        after(move_pause, [this, start = std::move(start)]() mutable {
          start_task(std::move(start));
        });
      });
}

// -- following ----------------------------------------------------------------

void chat_actor::follow() {
  cursor_.emplace(0, std::set<std::string>{});
  answer_.open();
  subscribe();
}

void chat_actor::subscribe() {
  remote::Subscribe msg;
  msg.set_task(task_);
  ask<remote::Subscribed>(
      {"workflow/" + task_}, std::move(msg), args_.settings->ask_timeout,
      [this](const result<remote::Subscribed>& got) { subscribed(got); });
}

void chat_actor::subscribed(const result<remote::Subscribed>& got) {
  live_ = got.has_value();
  if (live_) {
    cursor_->is_live();
    cursor_->reaches(got->version());
  } else {
    // Only `not_found` says that nobody runs it. Else it may be recovering.
    if (got.error().code == errc::not_found)
      cursor_->not_live();
    must_look_ = true;
  }
  if (!cursor_->ended())
    after(renew_after, [this] {
      if (!ending_)
        subscribe();
    });
  proceed();
}

void chat_actor::read_log() {
  reading_ = true;
  must_look_ = false;
  ask<store::fact_page>(
      {"store"},
      store::read_tenant_facts{
          tenant_, {log_id{task_}, cursor_->read_after(), page_facts}},
      args_.settings->ask_timeout, [this](const result<store::fact_page>& got) {
        reading_ = false;
        auto before = cursor_->seen();
        if (got)
          show(cursor_->stored(*got));
        else
          must_look_ = true;
        // A store that does not show yet what was announced
        // is given time.
        if (!got || (cursor_->wants_read() && cursor_->seen() == before))
          return look_again_in(look_again);
        proceed();
      });
}

void chat_actor::look_again_in(std::chrono::milliseconds delay) {
  if (std::exchange(waiting_, true))
    return;
  after(delay, [this] {
    waiting_ = false;
    proceed();
  });
}

void chat_actor::on(const remote::RunEvent& msg) {
  if (!cursor_)
    return;
  show(cursor_->live(event_of(msg)));
  proceed();
}

/// Words count if they are those of who gives the answer: the one agent, or
/// whoever joins what several have found, who has no name.
void chat_actor::on(const remote::RunDelta& msg) {
  if (!cursor_ || !cursor_->takes_deltas() || msg.has_event()
      || msg.delta().agent().empty() != (parts_ > 1))
    return;
  answer_.take(msg.delta());
  quit_if_over();
}

void chat_actor::show(const std::vector<run_event>& events) {
  for (const auto& what : events) {
    if (what.event.agent_id() == "planner")
      parts_ = std::max(parts_, parts_of(what.event));
    answer_.event(what);
  }
}

void chat_actor::proceed() {
  if (answer_.over())
    return quit();
  if (cursor_->ended())
    return tell_end();
  if (!reading_ && !waiting_ && (cursor_->wants_read() || must_look_))
    read_log();
}

/// Events are cut to a length, the task's head holds all of it.
void chat_actor::tell_end() {
  if (std::exchange(ending_, true))
    return;
  ask<store::log_head>(
      {"store"}, store::get_tenant_head{tenant_, log_id{task_}},
      args_.settings->ask_timeout, [this](const result<store::log_head>& got) {
        if (!got)
          return refuse(got.error());
        auto answer = outcome_of(*got);
        answer ? answer_.end(*answer) : answer_.refuse(answer.error());
        quit_if_over();
      });
}

} // namespace shannon::gateway::chat
