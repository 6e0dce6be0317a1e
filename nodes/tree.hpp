#pragma once

#include "actors/cluster/shard_owner.hpp"
#include "actors/gateway/http/http_server.hpp"
#include "actors/gateway/identity/secrets.hpp"
#include "actors/inspector/inspector.hpp"
#include "actors/kit/actor_base.hpp"
#include "actors/kit/io_loop.hpp"
#include "actors/kit/supervisor.hpp"
#include "actors/link/link_hub.hpp"
#include "config/settings.hpp"
#include "nodes/node_metrics.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace shannon::nodes {

/// What the actors of a node are made of. Outlives the actor system.
struct node_parts {
  const config::settings& settings;
  kit::actor_env& env;
  kit::io_loop& egress; ///< Sockets to models and pages.
  kit::io_loop& browsing; ///< Browsers, and their ways out.
  std::shared_ptr<gateway::http_server> server; ///< Listens already.
  node_metrics& metrics;
  /// What this node owns, and who it is: both outlive the actor system.
  std::shared_ptr<kit::owned_shards> shards;
  std::shared_ptr<cluster::place_in_cluster> place;
  /// Ends the node in order; any thread.
  std::function<void(const std::string& why)> end_node;
  /// What readiness depends on beside the tree and the store.
  std::vector<inspector::probe> probes;
  /// Null: this node has no links.
  std::shared_ptr<link::link_hub> links;
  /// Ends the node in order; any thread.
  std::function<void()> drain_node = [] {};
  /// What credentials are checked with.
  gateway::identity_secrets secrets{};
};

/// The supervision tree of a node with the roles of its settings. Read top to
/// bottom: started in this order, stopped in reverse.
kit::supervisor_spec node_tree(const node_parts& parts);

/// Addresses of all its actors that have something to finish when it drains.
std::vector<std::string> parts_to_drain(const config::settings& settings);

} // namespace shannon::nodes
