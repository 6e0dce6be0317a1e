#pragma once

#include "actors/kit/actor_base.hpp"

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <functional>
#include <string>

namespace shannon::nodes {

/// READY WATCH: asks the INSPECTOR until the node is ready, tells it once,
/// and ends.
///
///   asks        INSPECTOR: get_health                protocols/inspector.hpp
///   supervised  by nobody: the node waits for it at its start
///   persists    nothing
struct ready_watch_args {
  kit::actor_env& env;
  std::chrono::milliseconds patience;
  std::function<void()> ready;
  /// The node is a member and waits for its share of the shards: that takes as
  /// long as it takes, and patience begins behind it.
  std::function<bool()> waits_for_shards = [] { return false; };
  /// Given once when patience is over: the parts that are not ready.
  std::function<void(const std::string& why)> gave_up;
};

caf::actor spawn_ready_watch(caf::actor_system& sys, ready_watch_args args);

} // namespace shannon::nodes
