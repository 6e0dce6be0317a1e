#pragma once

#include "actors/dispatch/effect_queue.hpp"
#include "actors/kit/actor_base.hpp"
#include "metrics/dispatch_metrics.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace shannon::dispatch {

/// DISPATCHER: where the effects of this node's runs come in, one for each role
/// that carries out effects; sends each to a worker that has room, on this node
/// or another. `effect_queue` decides, this carries out.
///
///   takes       LlmCall, ToolRun, BrowserRun, BrowserClose, CancelEffect,
///               ListModels, ListTools
///                                                  protocols/remote/
///               straight::offer, past its mailbox  protocols/straight_call.hpp
///               WorkWindow                         protocols/remote/work.proto
///               members_changed, drain             protocols/cluster.hpp
///   asks        the role's worker, here (`llm/worker`) or on another node
///   tells       GRANTORs: WorkDemand, each second and when more is wanted
///   supervised  by the node's tree, permanent
///   persists    nothing
///   recovers    empty; effects under way are refused `unavailable` when it
///               ends
///   metrics     shannon_dispatch_*           metrics/dispatch_metrics.hpp
///
/// Nothing piles up at a worker: what it has no room for waits here, up to a
/// limit, and is refused `overloaded` above that. So does a browser session
/// that a worker has no room for, as when its tenant has all that it may: it
/// waits in turn with those of its tenant until that worker's window grows, or
/// for 2 s, and keeps nobody else waiting. A worker's death, or that of the way
/// to it, refuses what is under way there `unavailable`: whoever asked tries
/// again under the next attempt key. An effect that no worker may take for
/// `no_worker_patience` is refused too, as is a list nobody could give, and
/// once the node drains every one that no worker has begun. An action of a
/// browser session goes to the node that holds it, past all windows, and is
/// refused `not_found` when that is no member any more; closing it is told to
/// all other nodes too, which may hold one that nobody has heard of. If a
/// client named the session it is refused `unavailable` with a time to wait
/// instead: the database knows its holder, this node not yet.
///
/// While nobody waits and this node's own worker has room, calls of no run pass
/// by without stopping (`passing_line`): they count as under way, hold back
/// what comes after them, and are waited for when the node drains.
///
/// A cancel is told to all workers, once more with the next window of each, and
/// for a minute to those that come back: whoever carried the run before may
/// have had the attempt begun at any of them. Bound to the role's name.
struct dispatcher_args {
  kit::actor_env& env;
  std::string role; ///< `llm`, `tool` or `browser`.
  metrics::dispatch_metrics& metrics;
  effect_queue::limits limits{};
  std::chrono::milliseconds no_worker_patience{10'000};
  /// A worker whose window was not renewed for so long has none.
  std::chrono::milliseconds window_lasts{3'000};
};

caf::actor spawn_dispatcher(caf::local_actor& parent, dispatcher_args args);

} // namespace shannon::dispatch
