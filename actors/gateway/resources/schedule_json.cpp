#include "actors/gateway/resources/schedule_json.hpp"

#include "actors/gateway/resources/session_json.hpp"
#include "actors/gateway/text/answers.hpp"
#include "actors/gateway/text/json_fields.hpp"
#include "actors/gateway/text/media_type.hpp"
#include "actors/kit/cron.hpp"

#include <google/protobuf/util/json_util.h>

#include <map>
#include <utility>

namespace shannon::gateway {

namespace {

using wall_time = std::chrono::system_clock::time_point;

constexpr std::size_t name_bytes_max = 255;
constexpr std::size_t text_bytes_max = 64 * 1024;
constexpr std::size_t context_keys_max = 100;
constexpr double budget_max = 10;
constexpr std::int64_t timeout_default = 3'600;
constexpr std::int64_t timeout_most = 7 * 86'400;
constexpr int catch_up_default = 3'600;

tl::unexpected<error> bad(std::string text) {
  return fail(errc::invalid_argument, std::move(text));
}

/// To the second, as this part of the contract writes times.
std::string second_text(std::int64_t us) {
  if (us == 0)
    return {};
  auto at = wall_time{std::chrono::microseconds{us}};
  return timestamp(std::chrono::floor<std::chrono::seconds>(at));
}

class schedule_reader {
public:
  schedule_reader(const json_in& body, remote::Schedule what, bool is_new)
      : body_(body), what_(std::move(what)), is_new_(is_new) {}

  result<remote::Schedule> read() {
    for (auto part : {&schedule_reader::texts, &schedule_reader::context,
                      &schedule_reader::bounds, &schedule_reader::times})
      if (auto done = (this->*part)(); !done)
        return tl::unexpected<error>{std::move(done.error())};
    return std::move(what_);
  }

private:
  /// Empty counts as absent where nothing was before.
  result<void> text(const char* key, std::string* into, std::size_t bytes_max,
                    const char* missing) {
    auto given = read_string(body_, key, "");
    if (!given)
      return tl::unexpected<error>{std::move(given.error())};
    if (*given) {
      if ((*given)->size() > bytes_max)
        return bad(std::string{"Invalid "} + key + ": longer than "
                   + std::to_string(bytes_max) + " bytes");
      *into = std::move(**given);
    }
    if (missing && into->empty())
      return bad(missing);
    return {};
  }

  result<void> texts() {
    return text("name", what_.mutable_name(), name_bytes_max,
                "schedule name required")
        .and_then([&] {
          return text("cron_expression", what_.mutable_cron(), name_bytes_max,
                      "cron expression required");
        })
        .and_then([&] {
          return text("task_query", what_.mutable_task_query(), text_bytes_max,
                      "task query required");
        })
        .and_then([&] {
          return text("description", what_.mutable_description(),
                      text_bytes_max, nullptr);
        });
  }

  /// Kept as texts: what is no text is written as JSON.
  result<void> context() {
    auto clear = read_bool(body_, "clear_task_context", "");
    if (!clear)
      return tl::unexpected<error>{std::move(clear.error())};
    if (clear->value_or(false))
      what_.clear_task_context();
    const auto* given = find_field(body_, "task_context");
    if (!given)
      return {};
    if (!given->is_object())
      return bad("Invalid request body: task_context must be an object, not "
                 + type_name(*given));
    if (given->size() > context_keys_max)
      return bad("Invalid task_context: more than "
                 + std::to_string(context_keys_max) + " keys");
    if (auto at = find_nul(*given, "task_context"); !at.empty())
      return bad("Invalid request body: " + at + " contains a NUL character");
    what_.clear_task_context();
    std::size_t bytes = 0;
    for (const auto& [key, value] : given->items()) {
      auto as_text
          = value.is_string() ? value.get<std::string>() : value.dump();
      bytes += key.size() + as_text.size();
      (*what_.mutable_task_context())[key] = std::move(as_text);
    }
    if (bytes > text_bytes_max)
      return bad("Invalid task_context: more than "
                 + std::to_string(text_bytes_max) + " bytes");
    return {};
  }

  result<void> bounds() {
    if (const auto* budget = find_field(body_, "max_budget_per_run_usd")) {
      if (!budget->is_number())
        return bad("Invalid request body: max_budget_per_run_usd must be a "
                   "number, not "
                   + type_name(*budget));
      auto usd = budget->get<double>();
      if (!(usd >= 0 && usd <= budget_max))
        return bad("max_budget_per_run_usd out of range (0..10)");
      what_.set_max_budget_per_run_usd(usd);
    }
    auto timeout = read_int(body_, "timeout_seconds", 0, timeout_most);
    if (!timeout)
      return tl::unexpected<error>{std::move(timeout.error())};
    auto seconds = timeout->value_or(0);
    if (seconds == 0)
      seconds = what_.timeout_seconds() != 0 ? what_.timeout_seconds()
                                             : timeout_default;
    what_.set_timeout_seconds(static_cast<std::int32_t>(seconds));
    if (is_new_)
      what_.set_catch_up_seconds(catch_up_default);
    auto window = read_int(body_, "catchup_window_seconds", 0, timeout_most);
    if (!window)
      return tl::unexpected<error>{std::move(window.error())};
    if (*window)
      what_.set_catch_up_seconds(static_cast<std::int32_t>(**window));
    auto overlap = read_string(body_, "overlap_policy", "");
    if (!overlap)
      return tl::unexpected<error>{std::move(overlap.error())};
    auto policy = overlap->value_or("");
    if (policy == "allow")
      what_.set_overlap(remote::Schedule::ALLOW);
    else if (policy == "skip")
      what_.set_overlap(remote::Schedule::SKIP);
    else if (!policy.empty())
      return bad("Invalid overlap_policy (allowed: skip, allow)");
    return {};
  }

  result<void> times() {
    auto zone = read_string(body_, "timezone", "");
    if (!zone)
      return tl::unexpected<error>{std::move(zone.error())};
    if (*zone && (*zone)->empty() && !is_new_)
      return bad("invalid timezone: expected an IANA name, found none");
    if (*zone && !(*zone)->empty())
      what_.set_timezone(**zone);
    if (what_.timezone().empty())
      what_.set_timezone("UTC");
    auto job = kit::cron::parse(what_.cron(), what_.timezone());
    if (!job)
      return tl::unexpected<error>{std::move(job.error())};
    auto gap = job->shortest_gap(std::chrono::floor<std::chrono::seconds>(
        std::chrono::system_clock::now()));
    if (gap < schedule_gap_min)
      return bad("cron interval too short: " + std::to_string(gap.count() / 60)
                 + " minutes between two runs, at least "
                 + std::to_string(schedule_gap_min.count()));
    return {};
  }

  const json_in& body_;
  remote::Schedule what_;
  bool is_new_;
};

checked_body<remote::Schedule> read(const http_request& request,
                                    std::uint32_t json_depth_max,
                                    remote::Schedule what, bool is_new) {
  if (auto refused = check_media_type(request))
    return tl::unexpected<http_response>{std::move(*refused)};
  auto body = body_object(request, json_depth_max);
  if (!body)
    return tl::unexpected<http_response>{error_answer(body.error())};
  auto got = schedule_reader{*body, std::move(what), is_new}.read();
  if (!got)
    return tl::unexpected<http_response>{error_answer(got.error())};
  return std::move(*got);
}

} // namespace

checked_body<remote::Schedule> read_schedule(const http_request& request,
                                             std::uint32_t json_depth_max) {
  return read(request, json_depth_max, {}, true);
}

checked_body<remote::Schedule>
read_schedule_update(const http_request& request, std::uint32_t json_depth_max,
                     remote::Schedule what) {
  return read(request, json_depth_max, std::move(what), false);
}

std::int64_t next_run_us(const remote::Schedule& what, wall_time now) {
  if (what.paused() || what.deleted())
    return 0;
  auto job = kit::cron::parse(what.cron(), what.timezone());
  auto next = job ? job->next(std::chrono::floor<std::chrono::seconds>(now))
                  : std::nullopt;
  return next ? std::chrono::microseconds{next->time_since_epoch()}.count() : 0;
}

std::string next_run_text(const remote::Schedule& what, wall_time now) {
  return second_text(next_run_us(what, now));
}

std::optional<remote::Schedule> schedule_of(const store::log_head& head) {
  auto at = head.attributes.find("schedule");
  if (at == head.attributes.end())
    return std::nullopt;
  remote::Schedule what;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true; // Of a later build.
  if (!google::protobuf::util::JsonStringToMessage(at->second, &what, options)
           .ok())
    return std::nullopt;
  return what;
}

json_out schedule_json(const remote::Schedule& what) {
  json_out body;
  body["schedule_id"] = what.id();
  body["name"] = what.name();
  body["description"] = what.description();
  body["cron_expression"] = what.cron();
  body["timezone"] = what.timezone();
  body["task_query"] = what.task_query();
  body["task_context"] = json_out::object();
  std::map<std::string, std::string> context{what.task_context().begin(),
                                             what.task_context().end()};
  for (const auto& [key, value] : context)
    body["task_context"][key] = value;
  body["max_budget_per_run_usd"] = go_number(what.max_budget_per_run_usd());
  body["timeout_seconds"] = what.timeout_seconds();
  body["overlap_policy"]
      = what.overlap() == remote::Schedule::ALLOW ? "allow" : "skip";
  body["catchup_window_seconds"] = what.catch_up_seconds();
  body["status"] = what.deleted()  ? "DELETED"
                   : what.paused() ? "PAUSED"
                                   : "ACTIVE";
  body["created_at"] = second_text(what.created_at_us());
  body["updated_at"] = second_text(what.updated_at_us());
  body["last_run_at"] = second_text(what.last_run_at_us());
  body["next_run_at"] = second_text(what.next_run_at_us());
  body["total_runs"] = what.total_runs();
  body["successful_runs"] = what.successful_runs();
  body["failed_runs"] = what.failed_runs();
  body["skipped_runs"] = what.skipped_runs();
  return body;
}

json_out schedule_run_json(const store::log_head& task) {
  auto all = task_history(task);
  json_out body;
  body["workflow_id"] = all["workflow_id"];
  body["query"] = all["query"];
  body["status"] = all["status"];
  for (const char* key : {"result", "error_message"})
    if (all.contains(key))
      body[key] = all[key];
  facts::Summary summary;
  summary.ParseFromString(task.summary);
  if (!summary.usage().model().empty()) {
    body["model_used"] = summary.usage().model();
    body["provider"] = summary.usage().provider();
  }
  body["total_tokens"] = all["total_tokens"];
  body["total_cost_usd"] = all["total_cost_usd"];
  if (all.contains("duration_ms"))
    body["duration_ms"] = all["duration_ms"];
  body["triggered_at"] = timestamp(task.created_at);
  body["started_at"] = all["started_at"];
  if (all.contains("completed_at"))
    body["completed_at"] = all["completed_at"];
  return body;
}

} // namespace shannon::gateway
