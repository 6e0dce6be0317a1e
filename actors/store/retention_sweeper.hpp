#pragma once

#include "actors/kit/actor_base.hpp"
#include "config/settings.hpp"
#include "metrics/retention_metrics.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

namespace shannon::store {

/// RETENTION SWEEPER: deletes what settings no longer keep, a bit at a time.
///
///   takes       nothing
///   asks        nobody; PostgreSQL over connections of a thread that live for
///               one sweep
///   supervised  by the node's root, permanent
///   persists    nothing; it deletes logs, bodies and parts of `facts`
///   recovers    by the next sweep: one may end anywhere
///   metrics     shannon_retention_* in metrics/retention_metrics.cpp
///
/// Each node has one. Whose turn it is the database says; the others come back
/// after `sweep_every`. Between sweeps it holds neither thread nor connection.
struct retention_args {
  kit::actor_env& env;
  config::store_settings store;
  config::retention_settings keep;
  metrics::retention_metrics& metrics;
};

caf::actor spawn_retention_sweeper(caf::local_actor& parent,
                                   retention_args args);

} // namespace shannon::store
