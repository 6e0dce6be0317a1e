#include "actors/gateway/routes/routes.hpp"

#include <array>

namespace shannon::gateway {

namespace {

using enum endpoint;

constexpr std::string_view reads = "workflows:read";
constexpr std::string_view writes = "workflows:write";

constexpr query_parameter limit{"limit", "At most so many"};
constexpr query_parameter offset{"offset", "Leave out so many first"};

/// A line that is the same on both ports and asks for no credential.
constexpr route open_to_all(std::string_view path, endpoint to,
                            std::string_view summary) {
  return {.method = "GET",
          .pattern = path,
          .leads_to = to,
          .summary = summary,
          .tag = "health",
          .who = access::anybody,
          .by = doors::both,
          .traced = false};
}

/// A line of the admin port.
constexpr route for_operators(std::string_view method, std::string_view path,
                              endpoint to, std::string_view summary) {
  return {.method = method,
          .pattern = path,
          .leads_to = to,
          .summary = summary,
          .tag = "operators",
          .who = access::operator_,
          .by = doors::admin,
          .traced = false};
}

constexpr std::array table{
    open_to_all("/health", health, "Does the process answer"),
    open_to_all("/health/live", live, "Does the process run"),
    open_to_all("/health/ready", ready, "Is the node whole"),
    open_to_all("/readiness", ready, "Is the node whole"),
    open_to_all("/metrics", metrics, "Prometheus metrics"),
    open_to_all("/openapi.json", openapi, "This description"),

    route{.method = "POST",
          .pattern = "/api/v1/tasks",
          .leads_to = submit_task,
          .summary = "Submit a task",
          .tag = "tasks",
          .scope = writes,
          .counted = rate::caller,
          .idempotent = true,
          .body = body_bound::task,
          .takes = "TaskRequest",
          .gives = "TaskAccepted"},
    route{.method = "POST",
          .pattern = "/api/v1/tasks/stream",
          .leads_to = submit_task_stream,
          .summary = "Submit a task and learn where it streams",
          .tag = "tasks",
          .scope = writes,
          .counted = rate::caller,
          .idempotent = true,
          .body = body_bound::task,
          .takes = "TaskRequest",
          .gives = "TaskStreamAccepted",
          .success = 201},
    route{.method = "GET",
          .pattern = "/api/v1/tasks",
          .leads_to = list_tasks,
          .summary = "List tasks, newest first",
          .tag = "tasks",
          .scope = reads,
          .counted = rate::caller,
          .gives = "TaskList",
          .asks = {limit,
                   offset,
                   {"session_id", "Of this session only"},
                   {"status", "In this status only"}}},
    route{.method = "GET",
          .pattern = "/api/v1/tasks/{id}",
          .leads_to = get_task,
          .summary = "A task's state and result",
          .tag = "tasks",
          .scope = reads,
          .gives = "Task"},
    route{.method = "GET",
          .pattern = "/api/v1/tasks/{id}/events",
          .leads_to = get_events,
          .summary = "A task's recorded events",
          .tag = "tasks",
          .scope = reads,
          .counted = rate::caller,
          .gives = "EventList",
          .asks = {limit, offset}},
    route{.method = "GET",
          .pattern = "/api/v1/tasks/{id}/timeline",
          .leads_to = get_timeline,
          .summary = "A task's history as a timeline",
          .tag = "tasks",
          .scope = reads,
          .gives = "Timeline",
          .asks = {query_parameter{"mode", "`summary` or `full`"},
                   {"include_payloads", "With what the events carry"},
                   {"persist", "Only say how many there are"}}},
    route{.method = "POST",
          .pattern = "/api/v1/tasks/{id}/cancel",
          .leads_to = cancel_task,
          .summary = "Cancel a task",
          .tag = "tasks",
          .scope = writes,
          .counted = rate::caller,
          .idempotent = true,
          .takes = "ReasonRequest",
          .gives = "ControlAnswer",
          .success = 202},
    route{.method = "GET",
          .pattern = "/api/v1/tasks/{id}/stream",
          .leads_to = redirect_stream,
          .summary = "Where the task streams",
          .tag = "tasks",
          .scope = reads,
          .success = 307,
          .asks = {query_parameter{"types"}, {"last_event_id"}}},
    route{.method = "",
          .pattern = "/api/v1/stream/sse",
          .leads_to = stream_sse,
          .summary = "Follow a task by server-sent events",
          .tag = "streams",
          .who = access::stream_client,
          .scope = reads,
          .asks = {query_parameter{"workflow_id", "The task", true},
                   {"types", "Only events of these types"},
                   {"last_event_id", "Only what came after"}}},

    for_operators("GET", "/debug/tree", tree, "The tree of actors"),
    for_operators("GET", "/debug/actors", actors, "Actors, page by page"),
    for_operators("GET", "/debug/top", top, "The busiest actors"),
    for_operators("GET", "/debug/workflows", workflows, "Runs, page by page"),
    for_operators("GET", "/debug/links", links, "Links to other nodes"),
    for_operators("GET", "/debug/leases", leases, "Leases of all nodes"),
    for_operators("POST", "/admin/v1/drain", drain, "End this node in order"),
    for_operators("GET", "/admin/v1/runs/{id}", describe_run,
                  "What a run waits for"),
    for_operators("POST", "/admin/v1/runs/{id}/signal", signal_run,
                  "Signal a run"),
    for_operators("POST", "/admin/v1/runs/{id}/resume", resume_run,
                  "A parked run goes on"),
    for_operators("POST", "/admin/v1/runs/{id}/query", query_run,
                  "Ask a run's live state"),
};

} // namespace

std::span<const route> routes() noexcept {
  return table;
}

} // namespace shannon::gateway
