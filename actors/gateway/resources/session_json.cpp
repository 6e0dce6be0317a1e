#include "actors/gateway/resources/session_json.hpp"

#include "actors/gateway/resources/run_events.hpp"
#include "actors/gateway/resources/task_json.hpp"
#include "actors/gateway/text/answers.hpp"
#include "actors/gateway/text/identifiers.hpp"
#include "actors/gateway/text/json_fields.hpp"
#include "actors/kit/http_text.hpp"
#include "actors/kit/text.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace shannon::gateway {

namespace {

using store::log_status;
using wall_time = std::chrono::system_clock::time_point;

constexpr std::size_t title_points_max = 60;
/// What an agent is told of its session: half of what a conversation may hold
/// if nobody sets that, so that there is room for what it does.
constexpr std::size_t history_bytes_max = 256 * 1024;
constexpr std::size_t window_default = 50;
constexpr std::size_t window_debugging = 75;
constexpr std::int64_t window_least = 5;
constexpr std::int64_t window_most = 200;
constexpr auto active_for = std::chrono::hours{24};

facts::Summary summary_of(const store::log_head& head) {
  facts::Summary summary;
  summary.ParseFromString(head.summary);
  return summary;
}

double usd(std::int64_t nano) {
  return static_cast<double>(nano) / 1e9;
}

/// The status as the reference's tables have it: without a prefix.
std::string_view bare_status(log_status status) noexcept {
  switch (status) {
  case log_status::queued:
    return "QUEUED";
  case log_status::running:
  case log_status::needs_operator:
    return "RUNNING";
  case log_status::paused:
    return "PAUSED";
  case log_status::completed:
    return "COMPLETED";
  case log_status::failed:
    return "FAILED";
  case log_status::cancelled:
    return "CANCELLED";
  case log_status::timed_out:
    return "TIMEOUT";
  }
  return "UNKNOWN";
}

wall_time at_us(std::int64_t us) {
  return wall_time{std::chrono::microseconds{us}};
}

/// The stored context of the first task, with what clients look for in it.
json_out context_of(const sessions::session& what) {
  auto context = stored_json(what.context_json);
  if (!context.is_object())
    context = json_out::object();
  context["created_from"] = "gateway";
  if (!what.mode.empty())
    context["first_task_mode"] = what.mode;
  if (what.name.value != what.id)
    context["external_id"] = what.name.value;
  if (!what.title.empty())
    context["title"] = what.title;
  return context;
}

bool is_research(const json_out& context) {
  auto at = context.find("force_research");
  return at != context.end() && (*at == true || *at == "true");
}

/// Bytes of the first `points` code points.
std::size_t bytes_of_points(std::string_view text, std::size_t points) {
  std::size_t at = 0;
  while (at < text.size() && points > 0) {
    ++at;
    while (at < text.size()
           && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80)
      ++at;
    --points;
  }
  return at;
}

std::string without_controls(std::string_view text) {
  std::string kept;
  for (char c : text) {
    auto u = static_cast<unsigned char>(c);
    if (u >= 0x20 && u != 0x7f)
      kept += c;
    else if (c == '\n' || c == '\t')
      kept += ' ';
  }
  return kept;
}

std::string trimmed(const std::string& text) {
  auto first = text.find_first_not_of(' ');
  if (first == std::string::npos)
    return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

remote::ChatMessage message(remote::ChatMessage::Role role, std::string text) {
  remote::ChatMessage one;
  one.set_role(role);
  one.set_text(std::move(text));
  return one;
}

} // namespace

// -- what a task needs --------------------------------------------------------

session_ids session_ids_of(const tenant_id& tenant, const user_id& user,
                           std::string_view given) {
  if (is_uuid(given)) {
    auto id = kit::lower_letters(given);
    return {id, id};
  }
  auto name = "session " + std::to_string(tenant.value.size()) + ' '
              + tenant.value + ' ' + std::to_string(user.value.size()) + ' '
              + user.value + ' ' + std::string{given};
  return {named_uuid(name), std::string{given}};
}

std::string title_of(std::string_view query) {
  auto text = trimmed(without_controls(query));
  auto end = bytes_of_points(text, title_points_max);
  if (end == text.size())
    return text;
  end = bytes_of_points(text, title_points_max - 1);
  return text.substr(0, end) + "…";
}

sessions::session first_session(const session_ids& ids, const user_id& user,
                                const remote::TaskInput& first) {
  sessions::session what;
  what.id = ids.id;
  what.name = session_id{ids.name};
  what.user = user;
  what.title = title_of(first.query());
  what.mode = first.mode();
  // Attachments and prompts are the task's; what a list shows is kept.
  auto context = stored_json(first.context_json());
  json_out kept = json_out::object();
  for (const char* key : {"role", "force_research", "research_strategy"})
    if (auto at = context.is_object() ? context.find(key) : context.end();
        at != context.end())
      kept[key] = *at;
  what.context_json = kept.dump();
  return what;
}

remote::NewSession opening_of(const sessions::session& what) {
  remote::NewSession out;
  out.set_id(what.id);
  out.set_title(what.title);
  out.set_context_json(what.context_json);
  out.set_mode(what.mode);
  return out;
}

std::size_t history_window(const std::string& context_json) {
  auto context = stored_json(context_json);
  if (!context.is_object())
    return window_default;
  if (auto at = context.find("history_window_size");
      at != context.end() && at->is_number_integer())
    return static_cast<std::size_t>(
        std::clamp(at->get<std::int64_t>(), window_least, window_most));
  auto preset = context.find("use_case_preset");
  return preset != context.end() && *preset == "debugging" ? window_debugging
                                                           : window_default;
}

std::vector<remote::ChatMessage>
history_of(const std::vector<store::log_head>& newest_first,
           std::size_t messages_max) {
  std::vector<remote::ChatMessage> all;
  std::size_t bytes = 0;
  for (const auto& head : newest_first) {
    if (head.status != log_status::completed)
      continue;
    auto summary = summary_of(head);
    bytes += summary.query().size() + summary.result().size();
    if (all.size() + 2 > messages_max || bytes > history_bytes_max)
      break;
    all.push_back(message(remote::ChatMessage::ASSISTANT, summary.result()));
    all.push_back(message(remote::ChatMessage::USER, summary.query()));
  }
  std::reverse(all.begin(), all.end());
  return all;
}

// -- what clients see ---------------------------------------------------------

json_out session_detail(const sessions::session& what,
                        const store::session_sum& sum) {
  auto context = context_of(what);
  json_out all;
  all["session_id"] = what.id;
  all["user_id"] = what.user.value;
  all["context"] = context;
  all["tokens_used"] = sum.tokens;
  all["task_count"] = sum.tasks;
  all["created_at"] = timestamp(what.created_at);
  all["updated_at"] = timestamp(std::max(what.updated_at, sum.latest_at));
  all["is_research_session"] = is_research(context);
  if (context.contains("research_strategy"))
    all["research_strategy"] = context["research_strategy"];
  return all;
}

json_out session_summary(const sessions::session& what,
                         const store::session_sum& sum, wall_time now) {
  auto context = context_of(what);
  auto last = std::max(what.updated_at, sum.latest_at);
  json_out all;
  all["session_id"] = what.id;
  all["user_id"] = what.user.value;
  if (!what.title.empty())
    all["title"] = what.title;
  all["task_count"] = sum.tasks;
  all["tokens_used"] = sum.tokens;
  all["created_at"] = timestamp(what.created_at);
  all["updated_at"] = timestamp(last);
  all["context"] = context;
  all["last_activity_at"] = timestamp(last);
  all["is_active"] = now - last < active_for;
  all["successful_tasks"] = sum.completed;
  all["failed_tasks"] = sum.failed;
  auto ended = sum.completed + sum.failed;
  if (ended > 0)
    all["success_rate"] = go_number(static_cast<double>(sum.completed)
                                    / static_cast<double>(ended));
  all["total_cost_usd"] = go_number(usd(sum.cost_nanousd));
  if (sum.tasks > 0)
    all["average_cost_per_task"]
        = go_number(usd(sum.cost_nanousd) / static_cast<double>(sum.tasks));
  all["is_near_budget_limit"] = false;
  if (sum.tasks > 0) {
    all["latest_task_query"]
        = kit::utf8_prefix(sum.latest_query, listed_query_max);
    all["latest_task_status"] = bare_status(sum.latest_status);
  }
  all["is_research_session"] = is_research(context);
  if (!what.mode.empty())
    all["first_task_mode"] = what.mode;
  return all;
}

json_out task_history(const store::log_head& head) {
  auto summary = summary_of(head);
  const auto& usage = summary.usage();
  json_out all;
  all["task_id"] = head.log.value;
  all["workflow_id"] = head.log.value;
  all["query"] = summary.query();
  all["status"] = bare_status(head.status);
  if (!summary.mode().empty())
    all["mode"] = summary.mode();
  if (!summary.result().empty())
    all["result"] = summary.result();
  if (!summary.error().empty())
    all["error_message"] = summary.error();
  all["total_tokens"] = usage.input_tokens() + usage.output_tokens();
  all["total_cost_usd"] = go_number(usd(usage.cost_nanousd()));
  if (summary.ended_at_us() != 0)
    all["duration_ms"]
        = (summary.ended_at_us() - summary.started_at_us()) / 1000;
  all["agents_used"] = summary.agents();
  all["tools_invoked"] = 0;
  all["started_at"] = timestamp(at_us(summary.started_at_us()));
  if (summary.ended_at_us() != 0)
    all["completed_at"] = timestamp(at_us(summary.ended_at_us()));
  return all;
}

json_out session_turn(const store::log_head& head, std::uint64_t number,
                      const std::vector<store::recorded_fact>& facts,
                      bool with_payloads) {
  auto summary = summary_of(head);
  const auto& usage = summary.usage();
  auto events = json_out::array();
  std::set<std::string> agents;
  auto final_output = summary.result();
  for (const auto& fact : facts) {
    auto event = event_of(fact);
    auto one = event_json(head.log.value, event);
    // Here, other than in a task's events, a payload is a text.
    if (auto at = one.find("payload"); at != one.end()) {
      if (with_payloads)
        *at = go_text(*at);
      else
        one.erase(at);
    }
    const auto& agent = event.event.agent_id();
    if (!agent.empty())
      agents.insert(agent);
    if (summary.result().empty() && event.event.type() == "LLM_OUTPUT"
        && agent != "title_generator" && !event.event.message().empty())
      final_output = event.event.message();
    events.push_back(std::move(one));
  }
  json_out all;
  all["turn"] = number;
  all["task_id"] = head.log.value;
  all["user_query"] = summary.query();
  all["final_output"] = final_output;
  all["timestamp"] = timestamp(at_us(summary.started_at_us()));
  all["events"] = std::move(events);
  auto& metadata = all["metadata"];
  metadata["tokens_used"] = usage.input_tokens() + usage.output_tokens();
  metadata["execution_time_ms"]
      = summary.ended_at_us() == 0
            ? 0
            : (summary.ended_at_us() - summary.started_at_us()) / 1000;
  metadata["agents_involved"] = agents;
  return all;
}

tl::expected<std::string, http_response>
read_title(const http_request& request, std::uint32_t json_depth_max) {
  auto refuse = [](const char* text) {
    return tl::unexpected<http_response>{error_answer(400, text)};
  };
  auto body = body_object(request, json_depth_max);
  if (!body)
    return refuse("Invalid request body");
  auto title = read_string(*body, "title", "");
  if (!title)
    return refuse("Invalid request body");
  auto text = title->value_or("");
  if (trimmed(text).empty())
    return refuse("Title cannot be empty");
  auto clean = trimmed(without_controls(text));
  if (clean.empty())
    return refuse("Title cannot contain only control characters");
  if (bytes_of_points(clean, title_points_max) < clean.size())
    return refuse("Title must be 60 characters or less");
  return clean;
}

} // namespace shannon::gateway
