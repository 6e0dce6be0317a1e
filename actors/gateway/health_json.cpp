#include "actors/gateway/health_json.hpp"

#include "actors/gateway/answers.hpp"

#include <string_view>

namespace shannon::gateway {

namespace {

using inspector::child_state;

json_out begin(std::string_view status, wall_time now) {
  json_out all;
  all["status"] = status;
  all["version"] = SHANNON_VERSION;
  all["time"] = timestamp(now);
  return all;
}

std::string_view name_of(child_state state) {
  switch (state) {
  case child_state::starting:
    return "starting";
  case child_state::running:
    return "running";
  case child_state::backing_off:
    return "backing_off";
  case child_state::ended:
    return "ended";
  }
  return "unknown";
}

json_out tree_json(const inspector::tree_node& node) {
  json_out all;
  all["name"] = node.name;
  all["kind"] = node.kind;
  all["state"] = name_of(node.state);
  all["since"] = timestamp(node.since);
  all["restarts"] = node.restarts;
  if (!node.last_error.empty())
    all["last_error"] = node.last_error;
  all["mailbox_depth"] = node.mailbox_depth;
  all["messages_total"] = node.messages_total;
  auto children = json_out::array();
  for (const auto& child : node.children)
    children.push_back(tree_json(child));
  all["children"] = std::move(children);
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

http_response tree_answer(const inspector::tree_node& root) {
  return json_answer(200, tree_json(root));
}

} // namespace shannon::gateway
