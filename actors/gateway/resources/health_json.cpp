#include "actors/gateway/resources/health_json.hpp"

#include "actors/gateway/text/answers.hpp"

#include <string_view>

namespace shannon::gateway {

namespace {

json_out begin(std::string_view status, wall_time now) {
  json_out all;
  all["status"] = status;
  all["version"] = SHANNON_VERSION;
  all["time"] = timestamp(now);
  return all;
}

} // namespace

http_response health_answer(wall_time now) {
  auto all = begin("healthy", now);
  all["checks"] = {{"gateway", "ok"}};
  return json_answer(200, all);
}

http_response live_answer(wall_time now) {
  auto all = begin("live", now);
  all["checks"] = {{"process", "ok"}};
  return json_answer(200, all);
}

http_response detailed_answer(const result<inspector::health_report>& report,
                              wall_time now, std::chrono::nanoseconds took) {
  bool ready = report && report->ready;
  auto all = begin(ready ? "healthy" : "unhealthy", now);
  all["message"] = ready ? "every part of the node is well"
                         : "a part of the node is not well: see `checks`";
  all["timestamp"] = timestamp(now);
  all["duration"] = took.count();
  all["degraded"] = !ready;
  all["ready"] = ready;
  all["live"] = true;
  auto checks = json_out::object();
  auto add = [&](const std::string& name, bool ok, const std::string& text) {
    checks[name]
        = {{"status", ok ? "healthy" : "unhealthy"}, {"message", text}};
  };
  if (!report)
    add("inspector", false, report.error().text);
  else
    for (const auto& part : report->checks)
      add(part.name, part.ok, part.text);
  all["checks"] = std::move(checks);
  return json_answer(200, all);
}

http_response ready_answer(const result<inspector::health_report>& report,
                           wall_time now) {
  bool ready = report && report->ready;
  auto all = begin(ready ? "ready" : "not ready", now);
  json_out checks = json_out::object();
  // Clients of the reference platform look for this one.
  checks["orchestrator"] = ready ? "ok" : "failed";
  if (!report)
    checks["inspector"] = "failed: " + report.error().text;
  else
    for (const auto& part : report->checks)
      checks[part.name] = part.ok ? "ok" : "failed: " + part.text;
  all["checks"] = std::move(checks);
  auto answer = json_answer(ready ? 200 : 503, all);
  if (!ready)
    answer.fields.emplace_back("Retry-After", "1");
  return answer;
}

} // namespace shannon::gateway
