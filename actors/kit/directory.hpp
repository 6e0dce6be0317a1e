#pragma once

#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include <caf/actor.hpp>

#include "protocols/envelope.hpp"

namespace shannon::kit {

/// Who stands behind an address on this node. An address without an entry of
/// its own goes to the actor bound to its bare kind: `workflow/task-1` reaches
/// the WORKFLOW if it is active, else whoever activates workflows.
///
/// Thread-safe. Holds strong handles: what is bound must be unbound.
class directory {
public:
  void bind(const address& where, caf::actor who);

  /// Removes the entry if it still is `who`: a successor keeps its place.
  void unbind(const address& where, const caf::actor_addr& who);

  /// Null if nobody stands there.
  caf::actor find(const address& where) const;

  /// Delivers `mail` to its address. False if nobody stands there.
  bool deliver(const envelope_ptr& mail) const;

  void clear();

private:
  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, caf::actor> entries_;
};

} // namespace shannon::kit
