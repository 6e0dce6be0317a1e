#pragma once

#include "actors/kit/actor_base.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace shannon::dispatch {

/// GRANTOR: says how many effects of one role each node may have under way
/// here, so that nothing waits at the worker itself. `share_out` divides.
///
///   takes       WorkDemand                         protocols/remote/work.proto
///               capacity_is                        protocols/work.hpp
///               drain                              protocols/cluster.hpp
///   tells       DISPATCHERs: WorkWindow
///   supervised  by the node's tree, permanent; on nodes that play the role
///   persists    nothing
///   recovers    with the next WorkDemand of each node, within a second
///
/// A node that says nothing for `demand_lasts` has no share any more. Once
/// drained it grants nothing. Bound to `grants/<role>`.
struct grantor_args {
  kit::actor_env& env;
  std::string role;
  /// Effects that this node carries out at once, until its role says
  /// otherwise.
  std::uint64_t capacity = 1;
  std::chrono::milliseconds demand_lasts{3'500};
};

caf::actor spawn_grantor(caf::local_actor& parent, grantor_args args);

} // namespace shannon::dispatch
