#include "nodes/commands/task_view.hpp"

#include <cmath>
#include <cstdio>
#include <ctime>

namespace shannon::commands {

namespace {

using nlohmann::json;

std::string text_of(const json& object, const char* key) {
  if (!object.is_object())
    return {};
  auto i = object.find(key);
  if (i == object.end() || !i->is_string())
    return {};
  return i->get<std::string>();
}

double number_of(const json& object, const char* key) {
  if (!object.is_object())
    return 0;
  auto i = object.find(key);
  return i == object.end() || !i->is_number() ? 0 : i->get<double>();
}

const json& member(const json& object, const char* key) {
  static const json nothing;
  if (!object.is_object())
    return nothing;
  auto i = object.find(key);
  return i == object.end() ? nothing : *i;
}

std::string format(const char* pattern, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, pattern, value);
  return buffer;
}

std::string painted_status(const std::string& status, std::size_t columns,
                           const terminal& out) {
  auto text = padded(status, columns);
  if (status == "COMPLETED")
    return out.green(text);
  if (status == "FAILED" || status == "TIMEOUT")
    return out.red(text);
  return out.yellow(text);
}

/// `2026-11-23T11:22:33.5Z` without what a table has no room for.
std::string short_time(const std::string& rfc3339) {
  auto text = rfc3339.substr(0, 19);
  if (text.size() > 10 && text[10] == 'T')
    text[10] = ' ';
  return text;
}

/// The internal name of a frame whose name was mapped for clients.
std::string internal_name(const std::string& name) {
  if (name == "thread.message.completed")
    return "LLM_OUTPUT";
  if (name == "error")
    return "ERROR_OCCURRED";
  if (!name.starts_with("workflow."))
    return name;
  std::string out;
  for (char c : name)
    out.push_back(c == '.' ? '_' : static_cast<char>(c >= 'a' ? c - 32 : c));
  return out;
}

std::string event_line(const std::string& left, const std::string& type,
                       const json& event, const terminal& out) {
  constexpr std::size_t type_columns = 18;
  auto text = text_of(event, "message");
  if (text.empty())
    text = text_of(event, "response");
  auto agent = text_of(event, "agent_id");
  if (!agent.empty())
    text = agent + (text.empty() ? "" : ": ") + text;
  auto used = left.size() + 2 + type_columns + 2;
  auto room = out.width() > used + 20 ? out.width() - used : 20;
  auto name = padded(harmless(type), type_columns);
  auto line = out.dim(left) + "  "
              + (type == "ERROR_OCCURRED" ? out.red(name) : out.bold(name))
              + "  " + shortened(one_line(text), room);
  while (line.ends_with(' '))
    line.pop_back();
  return line;
}

} // namespace

std::string task_status(const json& task) {
  constexpr std::string_view prefix = "TASK_STATUS_";
  auto status = text_of(task, "status");
  return status.starts_with(prefix) ? status.substr(prefix.size()) : status;
}

bool is_over(const json& task) {
  auto status = task_status(task);
  return status == "COMPLETED" || status == "FAILED" || status == "CANCELLED"
         || status == "TIMEOUT";
}

bool has_succeeded(const json& task) {
  return task_status(task) == "COMPLETED";
}

std::string task_result(const json& task) {
  return text_of(task, "result");
}

std::string task_error(const json& task) {
  auto why = text_of(task, "error");
  auto end = task_status(task) == "CANCELLED" ? "was cancelled" : "failed";
  return "task " + text_of(task, "task_id") + " " + end
         + (why.empty() ? "" : ": " + why);
}

std::string task_header(const json& task, const terminal& out) {
  std::string lines;
  auto add = [&](const char* name, const std::string& value) {
    if (!value.empty())
      lines += out.dim(padded(name, 9)) + value + "\n";
  };
  auto room = out.width() > 40 ? out.width() - 10 : 30;
  add("task", harmless(text_of(task, "task_id")));
  add("status", painted_status(task_status(task), 0, out));
  add("query", shortened(one_line(text_of(task, "query")), room));
  add("session", harmless(text_of(task, "session_id")));
  auto model = text_of(task, "model_used");
  auto provider = text_of(task, "provider");
  add("model", harmless(model)
                   + (provider.empty() ? "" : " (" + harmless(provider) + ")"));
  const auto& usage = member(task, "usage");
  if (auto total = number_of(usage, "total_tokens"); total > 0)
    add("tokens", format("%.0f", total) + " ("
                      + format("%.0f in, ", number_of(usage, "input_tokens"))
                      + format("%.0f out)", number_of(usage, "output_tokens")));
  if (usage.is_object())
    add("cost", format("$%.6f", number_of(usage, "estimated_cost")));
  add("error", shortened(one_line(text_of(task, "error")), 2000));
  return lines;
}

std::string task_table(const json& list, const terminal& out) {
  const auto& tasks = member(list, "tasks");
  if (!tasks.is_array() || tasks.empty())
    return {};
  std::size_t id_columns = 4;
  for (const auto& task : tasks)
    id_columns = std::max(id_columns, text_of(task, "task_id").size());
  auto line = [&](const std::string& id, const std::string& status,
                  const std::string& created, const std::string& tokens,
                  const std::string& cost, const std::string& query) {
    auto used = id_columns + 2 + 11 + 19 + 2 + 8 + 2 + 9 + 2;
    auto room = out.width() > used + 20 ? out.width() - used : 20;
    return padded(harmless(id), id_columns) + "  " + status
           + padded(created, 21) + padded(tokens, 10) + padded(cost, 11)
           + shortened(one_line(query), room) + "\n";
  };
  auto table = out.bold(line("ID", padded("STATUS", 11), "CREATED (UTC)",
                             "TOKENS", "COST", "TASK"));
  for (const auto& task : tasks) {
    const auto& usage = member(task, "total_token_usage");
    table += line(
        text_of(task, "task_id"), painted_status(task_status(task), 11, out),
        short_time(text_of(task, "created_at")),
        format("%.0f", number_of(usage, "total_tokens")),
        format("$%.4f", number_of(usage, "cost_usd")), text_of(task, "query"));
  }
  return table;
}

double rfc3339_seconds(const std::string& text) {
  std::tm when{};
  const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &when);
  if (rest == nullptr)
    return 0;
  auto seconds = static_cast<double>(timegm(&when));
  if (*rest == '.') {
    double scale = 0.1;
    for (++rest; *rest >= '0' && *rest <= '9'; ++rest, scale /= 10)
      seconds += (*rest - '0') * scale;
  }
  int hours = 0;
  int minutes = 0;
  if ((*rest == '+' || *rest == '-')
      && std::sscanf(rest + 1, "%2d:%2d", &hours, &minutes) == 2)
    seconds -= (*rest == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
  return seconds;
}

double event_seconds(const json& event) {
  return rfc3339_seconds(text_of(event, "timestamp"));
}

std::string timeline_line(const json& event, double start,
                          const terminal& out) {
  auto seconds = event_seconds(event);
  auto elapsed = start > 0 && seconds > 0 ? seconds - start : 0;
  auto left
      = format("%5.0f", number_of(event, "seq")) + format(" %+10.3fs", elapsed);
  return event_line(left, text_of(event, "type"), event, out);
}

std::string progress_line(const stream_event& event, double elapsed,
                          const terminal& out) {
  if (event.name == "done" || event.name == "thread.message.delta")
    return {};
  auto data = json::parse(event.data, nullptr, false);
  return event_line(format("%7.2fs", elapsed), internal_name(event.name), data,
                    out);
}

} // namespace shannon::commands
