#pragma once

#include "actors/kit/actor_base.hpp"
#include "metrics/run_metrics.hpp"
#include "protocols/ids.hpp"

#include <caf/actor.hpp>
#include <caf/atom.hpp>
#include <caf/error.hpp>
#include <caf/local_actor.hpp>

#include <cstdint>
#include <functional>
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
  std::string park_reason;
  /// Tells this activation from those of the same log before it.
  std::uint64_t life = 0;
};

/// From a durable actor to its activator: my run has ended, let me go. The
/// activator keeps later mail back and answers `retire`.
struct retiring {
  log_id log;
  std::uint64_t life = 0;
};
struct retire {};

/// A durable actor ends with this when only its log can say where it stands.
/// It is started again after a backoff; that is no failure of the run.
inline caf::error must_reread() {
  return {1, caf::atom("reread")};
}

/// ACTIVATOR: brings durable actors of one kind to life when mail for them
/// comes or when the node starts, and brings them back when they fail.
///
///   takes       mail for `<kind>/<log>` while nobody stands there;
///               retiring, from its children
///   asks        EVENT STORE: heads, unfinished logs
///   supervised  by the node's tree, permanent
///   persists    nothing: the heads say which logs have not ended
///   recovers    by starting every unfinished log again
///
/// Bound to the bare kind, so the directory sends it what has no receiver of
/// its own. Mail that nobody waits for (a tell) is not kept for a run that is
/// not there. A child that fails is started again after a backoff; one that
/// fails `failures_max` times without a quiet minute in between is parked.
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
};

caf::actor spawn_activator(caf::local_actor& parent, activator_args args);

} // namespace shannon::workflow
