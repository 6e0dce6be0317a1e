#pragma once

#include "actors/kit/actor_base.hpp"
#include "protocols/ids.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <atomic>
#include <memory>

namespace shannon::cluster {

/// SHARD OWNER: makes this node the owner of its shards, before any log is
/// opened: raises their epochs, so that whoever owned them before can append
/// no more.
///
///   takes       nothing
///   asks        EVENT STORE: claim_shards
///   supervised  by the node's tree, permanent
///   persists    the epochs, in the table `shards`
///   recovers    by claiming again, until the store grants it
struct shard_owner_args {
  kit::actor_env& env;
  node_id node;
  /// Set once the shards are ours; stays set when this actor is restarted, and
  /// then nothing is claimed again: a new claim would fence this very node.
  std::shared_ptr<std::atomic<bool>> claimed;
};

caf::actor spawn_shard_owner(caf::local_actor& parent, shard_owner_args args);

} // namespace shannon::cluster
