#include "actors/gateway/resources/task_json.hpp"

#include "actors/kit/text.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace shannon::gateway {

namespace {

using store::log_status;

facts::Summary summary_of(const store::log_head& head) {
  facts::Summary summary;
  summary.ParseFromString(head.summary);
  return summary;
}

double usd(std::int64_t nano) {
  return static_cast<double>(nano) / 1e9;
}

std::chrono::system_clock::time_point at_us(std::int64_t us) {
  return std::chrono::system_clock::time_point{std::chrono::microseconds{us}};
}

std::int64_t total_tokens(const facts::Usage& usage) {
  return usage.input_tokens() + usage.output_tokens();
}

void put(json_out& into, const char* key, const std::string& text) {
  if (!text.empty())
    into[key] = text;
}

json_out model_breakdown(const facts::Summary& summary) {
  std::vector<facts::ModelUse> models{summary.models().begin(),
                                      summary.models().end()};
  std::stable_sort(models.begin(), models.end(),
                   [](const auto& a, const auto& b) {
                     return a.cost_nanousd() > b.cost_nanousd();
                   });
  std::int64_t cost = 0;
  std::int64_t tokens = 0;
  for (const auto& use : models) {
    cost += use.cost_nanousd();
    tokens += use.tokens();
  }
  auto all = json_out::array();
  for (const auto& use : models) {
    // A model without a price gets its share by tokens.
    auto share = cost > 0 ? static_cast<double>(use.cost_nanousd())
                                / static_cast<double>(cost)
                 : tokens > 0 ? static_cast<double>(use.tokens())
                                    / static_cast<double>(tokens)
                              : 0;
    json_out line;
    line["model"] = use.model();
    line["provider"] = use.provider();
    line["executions"] = use.executions();
    line["tokens"] = use.tokens();
    line["cost_usd"] = go_number(usd(use.cost_nanousd()));
    line["percentage"] = std::lround(share * 100);
    all.push_back(std::move(line));
  }
  return all;
}

json_out metadata_of(const store::log_head& head,
                     const facts::Summary& summary) {
  json_out all = json_out::object();
  if (head.status == log_status::needs_operator) {
    all["needs_operator"] = true;
    put(all, "needs_operator_reason", summary.error());
  }
  put(all, "cancel_reason", summary.cancel_reason());
  if (summary.models_size() > 0)
    all["model_breakdown"] = model_breakdown(summary);
  put(all, "model", summary.usage().model());
  put(all, "model_used", summary.usage().model());
  put(all, "mode", summary.mode());
  put(all, "provider", summary.usage().provider());
  put(all, "strategy", summary.strategy());
  if (auto context = stored_json(summary.context_json()); context.is_object())
    all["task_context"] = std::move(context);
  return all;
}

json_out usage_of(const facts::Usage& usage) {
  json_out all = json_out::object();
  if (total_tokens(usage) > 0)
    all["total_tokens"] = total_tokens(usage);
  if (usage.input_tokens() > 0)
    all["input_tokens"] = usage.input_tokens();
  if (usage.output_tokens() > 0)
    all["output_tokens"] = usage.output_tokens();
  if (usage.cost_nanousd() > 0)
    all["estimated_cost"] = go_number(usd(usage.cost_nanousd()));
  return all;
}

std::string_view stop_reason(log_status status) noexcept {
  switch (status) {
  case log_status::completed:
    return "completed";
  case log_status::cancelled:
    return "cancelled";
  case log_status::timed_out:
    return "timeout";
  default:
    return "error";
  }
}

json_out unified_response(const store::log_head& head,
                          const facts::Summary& summary) {
  const auto& usage = summary.usage();
  json_out all;
  all["task_id"] = head.log.value;
  all["session_id"] = head.birth.session.value;
  all["status"] = head.status == log_status::completed ? "completed" : "failed";
  all["result"] = summary.result();
  json_out metadata = json_out::object();
  if (summary.models_size() > 1) {
    auto models = json_out::array();
    for (const auto& use : summary.models())
      models.push_back(use.model());
    metadata["models"] = std::move(models);
  } else {
    put(metadata, "model", usage.model());
  }
  metadata["execution_mode"]
      = summary.mode().empty() ? summary.strategy() : summary.mode();
  metadata["complexity_score"] = 0;
  metadata["service_tier"] = "default";
  metadata["agents_used"] = summary.agents();
  for (const auto& key : summary.screenshots())
    metadata["screenshots"].push_back(key);
  all["metadata"] = std::move(metadata);
  all["usage"] = {{"input_tokens", usage.input_tokens()},
                  {"output_tokens", usage.output_tokens()},
                  {"total_tokens", total_tokens(usage)},
                  {"cost_usd", go_number(usd(usage.cost_nanousd()))}};
  auto took = summary.ended_at_us() - summary.started_at_us();
  all["performance"]
      = {{"execution_time_ms", std::max<std::int64_t>(0, took / 1'000)}};
  all["stop_reason"] = stop_reason(head.status);
  all["error"]
      = summary.error().empty() ? json_out(nullptr) : json_out(summary.error());
  all["timestamp"]
      = timestamp(summary.ended_at_us() > 0 ? at_us(summary.ended_at_us())
                                            : head.updated_at);
  return all;
}

/// What the list calls a mode; supervisor appears as standard.
std::string_view execution_mode(const std::string& mode) noexcept {
  if (mode == "simple")
    return "EXECUTION_MODE_SIMPLE";
  if (mode == "standard" || mode == "supervisor")
    return "EXECUTION_MODE_STANDARD";
  if (mode == "complex")
    return "EXECUTION_MODE_COMPLEX";
  return {};
}

} // namespace

std::string_view task_status(log_status status) noexcept {
  switch (status) {
  case log_status::queued:
    return "TASK_STATUS_QUEUED";
  case log_status::running:
  case log_status::needs_operator:
    return "TASK_STATUS_RUNNING";
  case log_status::paused:
    return "TASK_STATUS_PAUSED";
  case log_status::completed:
    return "TASK_STATUS_COMPLETED";
  case log_status::failed:
    return "TASK_STATUS_FAILED";
  case log_status::cancelled:
    return "TASK_STATUS_CANCELLED";
  case log_status::timed_out:
    return "TASK_STATUS_TIMEOUT";
  }
  return "TASK_STATUS_UNSPECIFIED";
}

json_out task_detail(const store::log_head& head) {
  auto summary = summary_of(head);
  json_out all;
  all["task_id"] = head.log.value;
  all["workflow_id"] = head.log.value;
  all["status"] = task_status(head.status);
  put(all, "result", summary.result());
  if (auto response = stored_json(summary.result()); response.is_object())
    all["response"] = std::move(response);
  // A parked run's reason is no error yet: it is in the metadata.
  if (store::is_terminal(head.status))
    put(all, "error", summary.error());
  all["created_at"] = timestamp(head.created_at);
  all["updated_at"] = timestamp(head.updated_at);
  put(all, "query", summary.query());
  put(all, "session_id", head.birth.session.value);
  put(all, "mode", summary.mode());
  if (auto context = stored_json(summary.context_json()); context.is_object())
    all["context"] = std::move(context);
  put(all, "model_used", summary.usage().model());
  put(all, "provider", summary.usage().provider());
  all["usage"] = usage_of(summary.usage());
  if (auto metadata = metadata_of(head, summary); !metadata.empty())
    all["metadata"] = std::move(metadata);
  if (store::is_terminal(head.status))
    all["unified_response"] = unified_response(head, summary);
  return all;
}

json_out task_summary(const store::log_head& head) {
  auto summary = summary_of(head);
  json_out all;
  all["task_id"] = head.log.value;
  // Clients index these two without looking: they are always there.
  all["query"] = kit::utf8_prefix(summary.query(), listed_query_max);
  all["status"] = task_status(head.status);
  if (auto mode = execution_mode(summary.mode()); !mode.empty())
    all["mode"] = mode;
  all["created_at"] = timestamp(head.created_at);
  if (store::is_terminal(head.status))
    all["completed_at"]
        = timestamp(summary.ended_at_us() > 0 ? at_us(summary.ended_at_us())
                                              : head.updated_at);
  const auto& usage = summary.usage();
  if (total_tokens(usage) > 0)
    all["total_token_usage"]
        = {{"total_tokens", total_tokens(usage)},
           {"cost_usd", go_number(usd(usage.cost_nanousd()))},
           {"prompt_tokens", usage.input_tokens()},
           {"completion_tokens", usage.output_tokens()}};
  return all;
}

} // namespace shannon::gateway
