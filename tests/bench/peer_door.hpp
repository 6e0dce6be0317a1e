#pragma once

#include "actors/gateway/http/http_server.hpp"
#include "actors/kit/actor_base.hpp"
#include "metrics/registry.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <atomic>
#include <memory>

namespace shannon::bench {

/// DOOR: the bench server's routes, behind the product's own HTTP server.
///
///   takes       RunEnded                    protocols/remote/workflow.proto
///   asks        WORKFLOW: StartRun, SignalTask
///   supervised  by the root, permanent
///   persists    nothing
///   recovers    by serving again; who waited for a run gets 503
///
///   POST /run/N      N steps in a row; 200 with the last step's output once
///                    the run's end is on disk
///   POST /fan/N      N steps side by side; the same
///   POST /fanwf/N    N child runs side by side; the same
///   POST /park/ID    starts the run `park-ID`; 200 once its start is on disk,
///                    the same if it was started before
///   POST /walk/ID    the same, after 18 steps
///   POST /mixed/ID   the same for a run that needs no signal
///   POST /signal/ID  200 once the signal is on disk, which is before the line
///                    is written; 404 if the run has ended. Repeats do no harm
///   GET /health      200 `ready` once the node owns its shards, else 503
///   GET /metrics     the node's counters
struct door_args {
  kit::actor_env& env;
  std::shared_ptr<gateway::http_server> server;
  /// Set once the node owns its shards.
  std::shared_ptr<std::atomic<bool>> claimed;
  metrics::registry& registry;
};

caf::actor spawn_door(caf::local_actor& parent, door_args args);

} // namespace shannon::bench
