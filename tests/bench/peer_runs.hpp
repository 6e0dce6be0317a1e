#pragma once

#include "actors/workflow/durable_actor.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

namespace shannon::bench {

/// WORKFLOWs of the bench server: durable runs of the programs in
/// `peer_programs.hpp` under an ACTIVATOR bound to `workflow`.
///
///   takes       StartRun, SignalTask        protocols/remote/workflow.proto
///   tells       RunEnded, to whom StartRun names
caf::actor spawn_runs(caf::local_actor& parent, kit::actor_env& env,
                      workflow::durable_actor::parts with);

} // namespace shannon::bench
