#pragma once

#include "actors/gateway/http/http_server.hpp"
#include "actors/gateway/streams/sse_frames.hpp"
#include "actors/gateway/streams/stream_cursor.hpp"
#include "actors/kit/actor_base.hpp"
#include "metrics/gateway_metrics.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <set>
#include <string>

namespace shannon::gateway {

/// What a client asked to follow.
struct stream_request {
  std::string task;
  /// Events after this version.
  log_version after = 0;
  /// Internal type names; empty for all.
  std::set<std::string> types;
};

/// STREAM: one client that follows one run, over server-sent events or a
/// WebSocket.
///
///   takes       RunEvent, RunDelta           protocols/remote/workflow.proto
///               drain                        protocols/cluster.hpp
///   asks        WORKFLOW of the task: Subscribe; EVENT STORE: get_tenant_head,
///               read_facts
///   supervised  by GATEWAY, temporary: the client resumes on its own
///   persists    nothing
///   recovers    the client comes back with the id of its last event
///   metrics     shannon_gateway_stream*      metrics/gateway_metrics.hpp
///
/// Follows a task once its head says that it is the caller's tenant's; another
/// one's is answered as one that is not there. Subscribes first and reads the
/// store then, so nothing falls between. What is stored is sent as fast as the
/// client reads; a client that cannot follow what happens live is dropped at
/// the bound of its buffer.
struct stream_args {
  kit::actor_env& env;
  metrics::gateway_metrics& metrics;
  /// Whose task it must be; empty: whoever reaches the admin port looks.
  tenant_id tenant;
  std::uint64_t number = 0; ///< Bound to `stream/<number>`.
  stream_request what;
  exchange_ptr client;
  http_fields head_fields; ///< Added to the response's head.
  const stream_words* words = &sse_words;
  std::chrono::milliseconds heartbeat{10'000};
  std::chrono::milliseconds ask_timeout{15'000};
  /// Called on any thread when the STREAM has ended.
  std::function<void(std::uint64_t number)> ended;
};

caf::actor spawn_stream(caf::local_actor& parent, stream_args args);

} // namespace shannon::gateway
