#pragma once

#include "actors/kit/actor_base.hpp"
#include "actors/workflow/activation_table.hpp"
#include "actors/workflow/database_clock.hpp"
#include "actors/workflow/intake.hpp"
#include "metrics/run_metrics.hpp"
#include "protocols/ids.hpp"

#include <caf/actor.hpp>
#include <caf/atom.hpp>
#include <caf/error.hpp>
#include <caf/local_actor.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace shannon::workflow {

/// How a durable actor is started.
struct activation {
  log_id log;
  /// `workflow/<log>`: where it is reached while it lives.
  address self;
  /// The log does not exist: the first message creates it.
  bool create = false;
  /// It failed too often: park it for a person instead of running it again.
  std::optional<park_order> park;
  /// Tells this activation from those of the same log before it.
  std::uint64_t life = 0;
  /// How often its lives before have failed in a row, and why the last did.
  std::uint32_t failures = 0;
  std::string last_failure;
  /// By which timers are set and due. Null: by the node's own clock.
  std::shared_ptr<const database_clock> clock;
  /// The node holds more than half of what it may: who waits goes at once.
  std::shared_ptr<const std::atomic<bool>> crowded;
  /// Hears when it is at work, and how long its appends take. Null: nobody
  /// does.
  std::shared_ptr<intake> door;
};

/// From a durable actor to its activator: I have read my log, up to here.
struct settled {
  log_id log;
  std::uint64_t life = 0;
  log_version version = 0;
};

/// From a durable actor to its activator, before it ends: my run waits. Mail,
/// or its timer, brings it back.
struct resting {
  log_id log;
  std::uint64_t life = 0;
  std::optional<std::chrono::system_clock::time_point> wake_at;
};

/// A durable actor ends with this when only its log can say where it stands.
/// It is started again after a backoff; that is no failure of the run.
inline caf::error must_reread() {
  return {1, caf::atom("reread")};
}

/// ACTIVATOR: brings durable actors of one kind to life when mail for them
/// comes, when a timer of theirs is due or when the node starts, and brings
/// them back when they fail. `activation_table` decides, this carries out.
///
///   takes       mail for `<kind>/<log>` while nobody stands there;
///               settled, resting, from its children
///               shards_gained, end_lost_runs, finish_runs
///               protocols/cluster.hpp
///   asks        EVENT STORE: heads, unfinished logs, due logs
///   supervised  by the node's tree, permanent
///   persists    nothing: the rows say which logs have not ended, and which
///               of them wait
///   recovers    by starting every unfinished log that does not wait, and
///               those whose timer is due; also when the node gains shards
///
/// It starts logs of shards that the node owns, and none of others.
/// Bound to the bare kind, so the directory sends it what has no receiver of
/// its own. Mail that nobody waits for (a tell) is not kept for a run that is
/// not there. A child that fails is started again after a backoff; one that
/// fails `failures_max` times at one place is parked. A child that ends at its
/// own will just goes: mail it had not read comes back here.
struct activator_args {
  kit::actor_env& env;
  std::string kind;
  /// Types of mail that may create a log that does not exist.
  std::function<bool(const envelope&)> creates;
  std::function<caf::actor(caf::local_actor& parent, activation)> spawn;
  metrics::run_metrics& metrics;
  /// Above it mail that creates is refused `overloaded`; above twice that,
  /// all mail for logs that are not active.
  std::uint32_t runs_max = 10'000;
  std::uint32_t failures_max = 5;
  /// Logs that are read at once after a start, or because they are due.
  std::uint32_t reading_max = 64;
  /// Whether there is room for work that comes from outside. Null: always.
  std::shared_ptr<intake> door{};
  /// Such work, of the mail that creates: what runs start themselves is part
  /// of what was accepted.
  std::function<bool(const envelope&)> is_from_outside{};
};

caf::actor spawn_activator(caf::local_actor& parent, activator_args args);

} // namespace shannon::workflow
