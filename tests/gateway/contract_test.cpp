// The public surface against the contract's index of endpoints, section 19.

#include "actors/gateway/routes/routes.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace shannon::gateway {

namespace {

struct promised {
  std::string_view method; ///< Empty: any.
  std::string_view path;
  access who;
  rate counted;
  bool repeats_met; ///< An Idempotency-Key counts.
  int success;
};

/// The path of a model takes slashes, which names of providers' models have.
constexpr promised contract[]{
    {"GET", "/health", access::anybody, rate::none, false, 200},
    {"GET", "/readiness", access::anybody, rate::none, false, 200},
    {"GET", "/metrics", access::anybody, rate::none, false, 200},
    {"GET", "/openapi.json", access::anybody, rate::none, false, 200},
    {"POST", "/api/v1/auth/register", access::anybody, rate::address, false,
     200},
    {"POST", "/api/v1/auth/refresh", access::anybody, rate::address, false,
     200},
    {"GET", "/api/v1/auth/me", access::client, rate::none, false, 200},
    {"POST", "/api/v1/auth/refresh-key", access::client, rate::none, false,
     200},
    {"GET", "/api/v1/auth/api-keys", access::client, rate::none, false, 200},
    {"POST", "/api/v1/auth/api-keys", access::client, rate::caller, false, 201},
    {"DELETE", "/api/v1/auth/api-keys/{id}", access::client, rate::none, false,
     200},
    {"POST", "/api/v1/tasks", access::client, rate::caller, true, 200},
    {"POST", "/api/v1/tasks/stream", access::client, rate::caller, true, 201},
    {"GET", "/api/v1/tasks", access::client, rate::caller, false, 200},
    {"GET", "/api/v1/tasks/{id}", access::client, rate::none, false, 200},
    {"GET", "/api/v1/tasks/{id}/stream", access::client, rate::none, false,
     307},
    {"GET", "/api/v1/tasks/{id}/events", access::client, rate::caller, false,
     200},
    {"POST", "/api/v1/tasks/{id}/cancel", access::client, rate::caller, true,
     202},
    {"POST", "/api/v1/tasks/{id}/pause", access::client, rate::caller, true,
     202},
    {"POST", "/api/v1/tasks/{id}/resume", access::client, rate::caller, true,
     202},
    {"GET", "/api/v1/tasks/{id}/control-state", access::client, rate::caller,
     false, 200},
    {"GET", "/api/v1/tasks/{id}/timeline", access::client, rate::none, false,
     200},
    {"POST", "/api/v1/swarm/{workflowID}/message", access::client, rate::caller,
     false, 200},
    {"POST", "/api/v1/approvals/decision", access::client, rate::caller, true,
     200},
    {"GET", "/api/v1/tasks/{workflowID}/review", access::client, rate::none,
     false, 200},
    {"POST", "/api/v1/tasks/{workflowID}/review", access::client, rate::caller,
     false, 200},
    {"GET", "/api/v1/sessions", access::client, rate::caller, false, 200},
    {"GET", "/api/v1/sessions/{sessionId}", access::client, rate::none, false,
     200},
    {"GET", "/api/v1/sessions/{sessionId}/history", access::client, rate::none,
     false, 200},
    {"GET", "/api/v1/sessions/{sessionId}/events", access::client, rate::none,
     false, 200},
    {"PATCH", "/api/v1/sessions/{sessionId}", access::client, rate::caller,
     false, 200},
    {"DELETE", "/api/v1/sessions/{sessionId}", access::client, rate::caller,
     false, 204},
    {"GET", "/api/v1/sessions/{sessionId}/files", access::client, rate::caller,
     false, 200},
    {"GET", "/api/v1/sessions/{sessionId}/files/{path...}", access::client,
     rate::caller, false, 200},
    {"GET", "/api/v1/memory/files", access::client, rate::caller, false, 200},
    {"GET", "/api/v1/memory/files/{path...}", access::client, rate::caller,
     false, 200},
    {"POST", "/api/v1/schedules", access::client, rate::caller, true, 201},
    {"GET", "/api/v1/schedules", access::client, rate::caller, false, 200},
    {"GET", "/api/v1/schedules/{id}", access::client, rate::none, false, 200},
    {"GET", "/api/v1/schedules/{id}/runs", access::client, rate::none, false,
     200},
    {"PUT", "/api/v1/schedules/{id}", access::client, rate::caller, false, 200},
    {"POST", "/api/v1/schedules/{id}/pause", access::client, rate::caller, true,
     200},
    {"POST", "/api/v1/schedules/{id}/resume", access::client, rate::caller,
     true, 200},
    {"DELETE", "/api/v1/schedules/{id}", access::client, rate::caller, false,
     200},
    {"GET", "/api/v1/agents", access::client, rate::none, false, 200},
    {"GET", "/api/v1/agents/{id}", access::client, rate::none, false, 200},
    {"POST", "/api/v1/agents/{id}", access::client, rate::caller, true, 202},
    {"GET", "/api/v1/skills", access::client, rate::none, false, 200},
    {"GET", "/api/v1/skills/{name}", access::client, rate::none, false, 200},
    {"GET", "/api/v1/skills/{name}/versions", access::client, rate::none, false,
     200},
    {"GET", "/api/v1/tools", access::client, rate::caller, false, 200},
    {"GET", "/api/v1/tools/{name}", access::client, rate::caller, false, 200},
    {"POST", "/api/v1/tools/{name}/execute", access::client, rate::caller,
     false, 200},
    {"POST", "/v1/chat/completions", access::client, rate::caller, false, 200},
    {"POST", "/v1/completions", access::client, rate::caller, true, 200},
    {"GET", "/v1/models", access::client, rate::none, false, 200},
    {"GET", "/v1/models/{model...}", access::client, rate::none, false, 200},
    {"GET", "/v1/llm-models", access::client, rate::none, false, 200},
    {"GET", "/api/v1/daemon/status", access::client, rate::none, false, 200},
    {"", "/api/v1/stream/sse", access::stream_client, rate::none, false, 200},
    {"", "/api/v1/stream/ws", access::stream_client, rate::none, false, 101},
    {"", "/v1/ws/messages", access::stream_client, rate::none, false, 101},
    {"GET", "/api/v1/blob/{key}", access::client, rate::none, false, 200},
};

const route* served(const promised& one) {
  auto all = routes();
  auto at = std::find_if(all.begin(), all.end(), [&](const route& line) {
    return line.by != doors::admin && line.method == one.method
           && line.pattern == one.path;
  });
  return at == all.end() ? nullptr : &*at;
}

} // namespace

TEST_CASE("every endpoint of the contract is served as it says") {
  for (const auto& one : contract) {
    INFO(one.method << ' ' << one.path);
    const auto* line = served(one);
    REQUIRE(line);
    CHECK(line->who == one.who);
    CHECK(line->counted == one.counted);
    CHECK((line->repeated != repeats::as_new) == one.repeats_met);
    CHECK(line->success == one.success);
  }
}

TEST_CASE("what is served beyond the contract is meant to be") {
  std::set<std::string> more;
  for (const auto& line : routes()) {
    auto is_this = [&](const promised& one) {
      return one.method == line.method && one.path == line.pattern;
    };
    if (line.by != doors::admin
        && std::none_of(std::begin(contract), std::end(contract), is_this))
      more.insert(std::string{line.method} + ' ' + std::string{line.pattern});
  }
  CHECK(more
        == std::set<std::string>{"GET /health/live", "GET /health/ready",
                                 "POST /v1/messages"});
}

} // namespace shannon::gateway
