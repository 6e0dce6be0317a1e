#pragma once

#include "actors/kit/actor_base.hpp"
#include "actors/kit/owned_shards.hpp"
#include "config/settings.hpp"
#include "metrics/store_metrics.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <memory>

namespace shannon::store {

/// EVENT STORE: keeps the logs of all durable actors of a node in PostgreSQL.
///
///   takes       append, open_log, get_head, read_facts, list_heads,
///               list_unfinished, list_due, get_blob, ping
///                                                   protocols/store.hpp
///               get_tenant_blob                     protocols/blobs.hpp
///               get_tenant_head, read_tenant_facts
///                                                   protocols/tenant_logs.hpp
///               join, renew_lease, read_shards, claim_shards,
///               release_shards, over a connection of their own
///                                                   protocols/cluster.hpp
///   asks        nobody; PostgreSQL over connections of its own threads
///   supervised  by the node's root, permanent: it ends when the schema is not
///               one this build knows, with a reason that says what to do
///   persists    everything it acknowledges, before it does
///   recovers    by itself when the database returns; what was in flight when
///               a connection broke is read back, never guessed
///   metrics     shannon_store_* in metrics/store_metrics.cpp
///
/// What names a tenant is read over connections that see that tenant's logs
/// alone (tenant_wall.hpp); there are as many of them as of the others.
///
/// While the database is away callers get `unavailable` after
/// `settings.outage_wait`, or `timeout` if an append may have been committed.
struct store_args {
  kit::actor_env& env;
  config::store_settings settings;
  metrics::store_metrics& metrics;
  /// Under which epochs this node may write. Outlives the EVENT STORE.
  std::shared_ptr<kit::owned_shards> owned;
};

/// Bound to `store`.
caf::actor spawn_store(caf::local_actor& parent, store_args args);

} // namespace shannon::store
