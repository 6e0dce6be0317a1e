#pragma once

#include "actors/kit/actor_base.hpp"
#include "actors/store/records/subject.hpp"
#include "config/settings.hpp"
#include "metrics/store_metrics.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <vector>

namespace shannon::store {

/// RECORD STORE: keeps the rows that are not logs: who may come in, sessions,
/// what was answered before.
///
///   takes       ping                                protocols/store.hpp
///               what its subjects list: accounts    protocols/accounts.hpp
///   asks        nobody; PostgreSQL over connections of its own threads
///   supervised  by the node's root, permanent: it ends when the schema is not
///               one this build knows, with a reason that says what to do
///   persists    everything it acknowledges, before it does
///   recovers    by itself when the database returns: a query that met a lost
///               connection is run again, so each is safe to repeat
///   metrics     shannon_store_* in metrics/store_metrics.cpp
///
/// Its connections are its own, so that no request waits behind the reading of
/// long logs. A message goes from its sender's thread to a connection's; no
/// mailbox is between. Above `settings.read_queue_max` it is refused
/// `overloaded`; while the database is away it gets `unavailable` after
/// `settings.outage_wait`.
///
/// A new subject is a file of messages in protocols/, a list of lines and
/// queries here, and its name in nodes/tree.cpp.
struct record_store_args {
  kit::actor_env& env;
  config::store_settings settings;
  metrics::store_metrics& metrics;
  std::vector<records::subject> subjects;
};

/// Bound to `records`.
caf::actor spawn_record_store(caf::local_actor& parent, record_store_args args);

} // namespace shannon::store
