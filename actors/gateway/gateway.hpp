#pragma once

#include "actors/gateway/http/http_server.hpp"
#include "actors/gateway/identity/secrets.hpp"
#include "actors/kit/actor_base.hpp"
#include "actors/kit/io_loop.hpp"
#include "config/settings.hpp"
#include "metrics/gateway_metrics.hpp"
#include "metrics/registry.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace shannon::gateway {

/// GATEWAY: the public HTTP surface of a node.
///
///   takes       drain, members_changed       protocols/cluster.hpp
///               heard, of its DAEMONs        protocols/daemons.hpp
///               of GATEWAYs, and SendToDaemons of its node's WORKFLOWs
///                                            protocols/remote/daemon.proto
///               requests from the HTTP server
///   asks        WORKFLOW: StartTask, StartRun, CancelTask, SetPaused,
///               SignalTask
///               SCHEDULE: StartRun, SignalTask
///               TOOL RUNNER: ListTools, ToolRun
///               WORKFLOW, AGENT, for operators: DescribeRun, SignalTask,
///               ResumeRun, QueryRun
///               EVENT STORE: get_tenant_head, read_tenant_facts, list_heads,
///               sum_sessions, get_tenant_blob; for operators get_head,
///               read_facts, get_blob
///               RECORD STORE: sessions, answers of repeated requests,
///               places of browser sessions, accounts and credentials
///               INSPECTOR: all that it takes; LINKS: get_links
///               LLM: ListModels
///               providers of sign-ins, over HTTP (google_sign_in.hpp)
///   supervised  by the node's tree, permanent; parent of all STREAMs, CHATs
///               and DAEMONs
///   persists    nothing
///   recovers    by serving again: the listener outlives it, and requests
///               meanwhile get 503 with Retry-After
///   metrics     shannon_gateway_*            metrics/gateway_metrics.hpp
///
/// Bound to `gateway`. What needs no actor (liveness, preflight, unknown
/// paths) is answered on the server's loop.
struct gateway_args {
  kit::actor_env& env;
  config::http_settings settings;
  config::identity_settings identity;
  identity_secrets secrets;
  std::shared_ptr<http_server> server;
  metrics::gateway_metrics& metrics;
  metrics::registry& registry;
  /// Else only what the admin port has: the node plays another role.
  bool serves_api = true;
  /// Where files of sessions and users are.
  config::tool_settings files = {};
  config::daemon_settings daemons = {};
  /// Ends the node in order; any thread.
  std::function<void()> drain_node = [] {};
  /// Where requests of all nodes are counted; empty: each node counts alone.
  std::string redis_url;
  std::chrono::milliseconds redis_timeout{100};
  /// May this node begin one more task? Asked on the server's loop, where no
  /// other node could, and before anything is asked for a task that would be
  /// this node's; any thread.
  std::function<bool()> has_room = [] { return true; };
  /// Sockets to providers of sign-ins; null: nobody registers by one.
  kit::io_loop* outward = nullptr;
};

caf::actor spawn_gateway(caf::local_actor& parent, gateway_args args);

} // namespace shannon::gateway
