#include "actors/workflow/strategies/schedule.hpp"

#include "actors/kit/cron.hpp"
#include "actors/workflow/engine/gather.hpp"
#include "protocols/remote/workflow.pb.h"

#include <google/protobuf/util/json_util.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

namespace shannon::workflow {

namespace {

using namespace std::chrono;

/// Things that happen in one turn of the log; then it begins anew.
constexpr int happenings_per_turn = 200;
/// Until a task that shall end has taken it.
constexpr std::int64_t cancel_grace_us = 2'000'000;
constexpr std::int64_t second_us = 1'000'000;

struct happening {
  enum class kind : std::uint8_t { due, late, change, ended, failed };
  kind what = kind::due;
  std::string payload;
};

durable<happening> wait_until(context ctx, std::string key, std::int64_t at_us,
                              happening::kind what) {
  auto nap = ctx.sleep_until(key, at_us);
  co_await nap;
  co_return happening{what, {}};
}

durable<happening> wait_change(context ctx) {
  auto next = ctx.signal("change");
  auto bytes = co_await next;
  co_return happening{happening::kind::change, std::move(bytes)};
}

/// The task is known by its id: asked for again, it is met again.
durable<happening> wait_end(context ctx, remote::ChildRun run) {
  happening how{happening::kind::ended, {}};
  try {
    auto task = ctx.child("task", run);
    co_await task;
  } catch (const step_failed&) {
    how.what = happening::kind::failed;
  }
  co_return how;
}

kit::cron::time time_of(std::int64_t us) {
  return kit::cron::time{floor<seconds>(microseconds{us})};
}

/// The next time it is due, 0 for never. A tz database of another day may say
/// another time: what was said once is recorded.
durable<std::int64_t> next_due(context ctx, remote::Schedule what) {
  auto work = [&what] {
    auto job = kit::cron::parse(what.cron(), what.timezone());
    if (!job)
      throw step_failed{job.error()};
    auto next = job->next(time_of(what.seen_until_us()));
    return next ? std::to_string(
               duration_cast<microseconds>(next->time_since_epoch()).count())
                : std::string{"0"};
  };
  auto step = ctx.local("next", work);
  auto text = co_await step;
  co_return std::stoll(text);
}

remote::ChildRun child_of(const remote::Schedule& what, std::int64_t due_us,
                          remote::ParentClose when_given_up) {
  remote::ChildRun run;
  run.set_program("task");
  run.set_id(what.running());
  run.set_input(scheduled_task(what, due_us).SerializeAsString());
  run.set_parent_close(when_given_up);
  return run;
}

void count_end(remote::Schedule& what, bool failed) {
  failed ? what.set_failed_runs(what.failed_runs() + 1)
         : what.set_successful_runs(what.successful_runs() + 1);
  what.clear_running();
  what.clear_running_since_us();
}

/// Starts the task that is due, unless it must be left out.
durable<nothing> fire(context ctx, remote::Schedule& what, std::int64_t due_us,
                      std::int64_t now_us) {
  auto window_us = std::int64_t{what.catch_up_seconds()} * second_us;
  if (now_us - due_us > window_us) {
    what.set_skipped_runs(what.skipped_runs() + 1);
    // All that lies before the window is too late as well.
    what.set_seen_until_us(std::max(due_us, now_us - window_us));
    co_return nothing{};
  }
  what.set_seen_until_us(due_us);
  bool alone = what.overlap() == remote::Schedule::SKIP;
  if (alone && !what.running().empty()) {
    what.set_skipped_runs(what.skipped_runs() + 1);
    co_return nothing{};
  }
  what.set_running("task-" + ctx.new_id("task"));
  what.set_running_since_us(due_us);
  what.set_last_run_at_us(due_us);
  what.set_total_runs(what.total_runs() + 1);
  if (!alone) {
    auto started = ctx.start_child(
        "task", child_of(what, due_us, remote::PARENT_CLOSE_ABANDON));
    co_await started;
    what.clear_running();
    what.clear_running_since_us();
  }
  co_return nothing{};
}

/// It has gone on for too long. Given up, it is told to end.
durable<nothing> end_late(context ctx, remote::Schedule& what,
                          std::int64_t now_us) {
  std::vector<durable<happening>> parts;
  parts.push_back(wait_end(ctx, child_of(what, what.running_since_us(),
                                         remote::PARENT_CLOSE_CANCEL)));
  parts.push_back(wait_until(ctx, "grace", now_us + cancel_grace_us,
                             happening::kind::late));
  auto first = race(std::move(parts));
  auto won = co_await first;
  count_end(what, won.value.what != happening::kind::ended);
  co_return nothing{};
}

} // namespace

std::map<std::string, std::string>
schedule_attributes(const remote::Schedule& what) {
  std::string text;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  (void)google::protobuf::util::MessageToJsonString(what, &text, options);
  return {{"status", what.deleted()  ? "DELETED"
                     : what.paused() ? "PAUSED"
                                     : "ACTIVE"},
          {"schedule", text}};
}

void apply_change(remote::Schedule& what,
                  const remote::ScheduleChange& change) {
  what.set_updated_at_us(change.at_us());
  switch (change.what()) {
  case remote::ScheduleChange::PAUSE:
    what.set_paused(true);
    return;
  case remote::ScheduleChange::RESUME:
    what.set_paused(false);
    // What was due meanwhile was not to be started.
    what.set_seen_until_us(change.at_us());
    return;
  case remote::ScheduleChange::DELETE:
    what.set_deleted(true);
    return;
  default:
    break;
  }
  const auto& to = change.schedule();
  if (what.cron() != to.cron() || what.timezone() != to.timezone())
    what.set_seen_until_us(std::max(what.seen_until_us(), change.at_us()));
  what.set_name(to.name());
  what.set_description(to.description());
  what.set_cron(to.cron());
  what.set_timezone(to.timezone());
  what.set_task_query(to.task_query());
  *what.mutable_task_context() = to.task_context();
  what.set_max_budget_per_run_usd(to.max_budget_per_run_usd());
  what.set_timeout_seconds(to.timeout_seconds());
  what.set_overlap(to.overlap());
  what.set_catch_up_seconds(to.catch_up_seconds());
}

remote::TaskInput scheduled_task(const remote::Schedule& what,
                                 std::int64_t due_us) {
  nlohmann::json context = nlohmann::json::object();
  for (const auto& [key, value] : what.task_context())
    context[key] = value;
  if (what.max_budget_per_run_usd() > 0)
    context["budget_max"] = what.max_budget_per_run_usd();
  remote::TaskInput input;
  input.set_query(what.task_query());
  input.set_context_json(
      context.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  input.set_session("schedule-" + what.id());
  input.set_tenant(what.tenant());
  input.set_user(what.user());
  input.set_priority("batch"); // Nobody sits and waits for it.
  input.set_submitted_at_us(due_us);
  return input;
}

durable<std::string> run_schedule(context ctx, std::string input) {
  remote::Schedule what;
  what.ParseFromString(input);
  // In the append that begins the run: who has made it can look at it at once.
  ctx.set_attributes(schedule_attributes(what));
  for (int i = 0; i < happenings_per_turn && !what.deleted(); ++i) {
    std::int64_t due_us = 0;
    if (!what.paused()) {
      auto computed = next_due(ctx, what);
      due_us = co_await computed;
    }
    what.set_next_run_at_us(due_us);
    ctx.set_attributes(schedule_attributes(what));
    std::vector<durable<happening>> parts;
    parts.push_back(wait_change(ctx));
    if (due_us != 0)
      parts.push_back(wait_until(ctx, "due", due_us, happening::kind::due));
    if (!what.running().empty()) {
      parts.push_back(wait_end(ctx, child_of(what, what.running_since_us(),
                                             remote::PARENT_CLOSE_ABANDON)));
      if (what.timeout_seconds() > 0)
        parts.push_back(wait_until(ctx, "late",
                                   what.running_since_us()
                                       + what.timeout_seconds() * second_us,
                                   happening::kind::late));
    }
    auto first = race(std::move(parts));
    auto won = co_await first;
    auto now_us = ctx.now_us("now");
    switch (won.value.what) {
    case happening::kind::change: {
      remote::ScheduleChange change;
      if (change.ParseFromString(won.value.payload)) {
        apply_change(what, change);
        ctx.set_attributes(schedule_attributes(what));
      }
      break;
    }
    case happening::kind::due: {
      auto fired = fire(ctx, what, due_us, now_us);
      co_await fired;
      break;
    }
    case happening::kind::late: {
      auto ended = end_late(ctx, what, now_us);
      co_await ended;
      break;
    }
    case happening::kind::ended:
    case happening::kind::failed:
      count_end(what, won.value.what == happening::kind::failed);
      break;
    }
  }
  if (!what.deleted()) {
    auto anew = ctx.continue_as_new(what.SerializeAsString());
    co_await anew;
  }
  co_return what.SerializeAsString();
}

} // namespace shannon::workflow
