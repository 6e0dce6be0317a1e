#pragma once

#include "actors/kit/actor_base.hpp"
#include "actors/link/link_hub.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <memory>

namespace shannon::link {

/// LINKS: the links of this node, as an actor. The hub outlives it.
///
///   takes       cluster::peers_changed         protocols/cluster.hpp
///               get_links                      protocols/link.hpp
///   supervised  by the node's tree, permanent
///   persists    nothing
///   recovers    at once: links stay up meanwhile, with the peers told last
///
/// Address `links`.
struct links_args {
  kit::actor_env& env;
  std::shared_ptr<link_hub> hub;
};

caf::actor spawn_links(caf::local_actor& parent, links_args args);

} // namespace shannon::link
