#pragma once

#include "actors/cluster/ownership.hpp"
#include "actors/kit/actor_base.hpp"
#include "actors/kit/owned_shards.hpp"
#include "protocols/cluster.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace shannon::cluster {

/// What a node knows of its place in the cluster. Outlives SHARD OWNER, so that
/// one that is started anew goes on with the same lease and the same epochs.
struct place_in_cluster {
  /// Has had all shards it should have, once; stays set.
  std::atomic<bool> ready{false};
  /// The node is about to end: it is not ready any more.
  std::atomic<bool> ends{false};

  // -- SHARD OWNER alone ------------------------------------------------------

  std::optional<ownership> own;

  // -- any thread -------------------------------------------------------------

  /// Empty before the node has joined.
  node_id self() const {
    std::lock_guard guard{mutex_};
    return self_;
  }
  void joined(node_id self) {
    std::lock_guard guard{mutex_};
    self_ = std::move(self);
  }

private:
  mutable std::mutex mutex_;
  node_id self_;
};

/// SHARD OWNER: makes this node a member of the cluster and the owner of its
/// share of the shards, before any of their logs is opened. `ownership`
/// decides, this carries out.
///
///   takes       drain, shard_quiet           protocols/cluster.hpp
///   asks        EVENT STORE: join, renew_lease, read_shards, claim_shards,
///               release_shards
///               ACTIVATORs: end_lost_runs
///   tells       ACTIVATORs: shards_gained, finish_runs
///               LINKS: peers_changed; DISPATCHERs: members_changed
///   supervised  by the node's tree, permanent
///   persists    the lease, in `nodes`, and the epochs, in `shards`
///   recovers    with what it knew; a lease that ran out meanwhile is renewed
///
/// While the database is away the node writes nothing, keeps its runs, and asks
/// again. After `exit_after` without a lease, or when another process has taken
/// its name, it ends the node.
struct shard_owner_args {
  kit::actor_env& env;
  node_card card;
  lease_settings lease{};
  /// How long a newcomer waits for shards of others.
  std::chrono::microseconds settle{3'000'000};
  std::chrono::milliseconds exit_after{300'000};
  /// A shard that goes to another node is kept for so long while its runs have
  /// effects under way.
  std::chrono::milliseconds finish{15'000};
  std::shared_ptr<kit::owned_shards> shards;
  std::shared_ptr<place_in_cluster> place;
  /// Whose ACTIVATORs bring runs to life: `workflow`, `agent`.
  std::vector<std::string> kinds;
  /// Who is told each time who else is a member: DISPATCHERs, GATEWAY.
  std::vector<std::string> tell_members{};
  /// Ends the node, in order; any thread.
  std::function<void(const std::string& why)> end_node = [](const auto&) {};
};

caf::actor spawn_shard_owner(caf::local_actor& parent, shard_owner_args args);

} // namespace shannon::cluster
