#pragma once

#include "actors/kit/actor_base.hpp"
#include "protocols/inspector.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <functional>
#include <string>
#include <vector>

namespace shannon::inspector {

/// Something beside the tree and the store that health depends on. `run` may
/// be called on any thread, must not block, and answers once.
struct probe {
  std::string name;
  std::function<void(std::function<void(check)> then)> run;
};

/// INSPECTOR: says whether this node is ready, what is not, and what all its
/// actors do.
///
///   takes       get_health, get_tree, get_actors, get_top, get_runs,
///               get_leases
///                                              protocols/inspector.hpp
///   asks        SUPERVISOR `root`: its tree; EVENT STORE: ping, list_open,
///               read_leases; WORKFLOWs and AGENTs at work: DescribeRun; the
///               probes
///   supervised  by the node's tree, permanent
///   persists    nothing
///   recovers    by asking again
///
/// Ready means: every child of the tree runs, the store answers, and every
/// probe is ok. One look serves all who ask within `fresh_for`, so that probes
/// from outside cost nothing, however many there are; the tree likewise. It
/// looks at actors some thousand at a time, so that it never keeps a worker
/// for long, and works only while somebody asks.
struct inspector_args {
  kit::actor_env& env;
  std::vector<probe> probes;
  std::chrono::milliseconds patience{2'000};
  std::chrono::milliseconds fresh_for{250};
  /// The name of this process in the cluster; empty before it has joined.
  std::function<node_id()> self = [] { return node_id{}; };
};

caf::actor spawn_inspector(caf::local_actor& parent, inspector_args args);

/// The parts of a tree that are not running, as `root/llm: backing off, …`.
std::vector<std::string> broken_parts(const tree_node& root);

} // namespace shannon::inspector
