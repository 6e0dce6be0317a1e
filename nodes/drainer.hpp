#pragma once

#include "actors/kit/actor_base.hpp"

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace shannon::nodes {

/// DRAINER: takes a node out of its cluster in order, before it ends: it is not
/// ready any more; after `notice` streams are sent elsewhere, shards given up
/// and no effects granted, and browser sessions go when they have nothing to
/// do; what is under way is waited for.
///
///   takes       nothing
///   asks        GATEWAY, SHARD OWNER, DISPATCHERs, GRANTORs, BROWSER POOL:
///               drain                              protocols/cluster.hpp
///   supervised  by nobody: the node's end waits for it, and no longer than
///               `patience`
///   persists    nothing
struct drainer_args {
  kit::actor_env& env;
  /// Time for whoever sends requests here to see that the node is not ready.
  std::chrono::milliseconds notice{0};
  std::chrono::milliseconds patience{8'000};
  /// Addresses to drain; those where nobody stands are passed over.
  std::vector<std::string> parts;
  /// Called once, on any thread.
  std::function<void()> done;
};

caf::actor spawn_drainer(caf::actor_system& system, drainer_args args);

} // namespace shannon::nodes
