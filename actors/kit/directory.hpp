#pragma once

#include "actors/kit/deadlines.hpp"
#include "protocols/envelope.hpp"

#include <caf/actor.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <typeindex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace shannon::kit {

/// The way to other nodes. Thread-safe; quick.
class outbound {
public:
  virtual ~outbound() = default;

  enum class verdict : std::uint8_t {
    here,    ///< For this node: whoever stands here, or nobody, takes it.
    carried, ///< It goes to another node, or its ask has been refused.
    lost,    ///< For another node, and there is no way to it.
  };

  /// Asked for mail whose address nobody on this node has.
  virtual verdict carry(const envelope_ptr& mail) = 0;
};

/// Who stands behind an address on this node. An address without an entry of
/// its own goes to the actor bound to its bare kind: `workflow/task-1` reaches
/// the WORKFLOW if it is active, else whoever activates workflows. Before that
/// `outbound` may know that another node is meant: `ADDRESS@PROCESS` is one's
/// there, and a durable actor's is where its shard is.
///
/// Mail of some types may have a direct receiver: it is called on the sender's
/// thread, and saves the way through a mailbox where nothing is decided (an
/// append goes to the thread that writes it). It must be quick, must not send
/// to its own address, and has limits of its own, since no mailbox counts for
/// it. It answers each ask before the deadline, also when its actor ends.
///
/// Thread-safe. Holds strong handles: what is bound must be unbound.
class directory {
public:
  using receiver = std::function<void(const envelope_ptr&)>;

  enum class way : std::uint8_t {
    none, ///< Nobody stands there.
    mailbox,
    direct,
    carried, ///< To another node.
  };

  void bind(const address& where, caf::actor who);

  /// Removes the entry if it still is `who`: a successor keeps its place.
  /// Direct receivers go with it.
  void unbind(const address& where, const caf::actor_addr& who);

  /// Mail of this type for `where` goes to `take`, as long as `who` is bound
  /// there. A call that has begun may outlast `unbind`.
  void bind_direct(const address& where, const caf::actor_addr& who,
                   std::type_index type, receiver take);

  /// Null: all mail is for this node.
  void route_by(std::shared_ptr<outbound> way_out);

  /// Null if nobody stands there.
  caf::actor find(const address& where) const;

  /// Delivers `mail` to its address. False if nobody stands there.
  bool deliver(const envelope_ptr& mail) const {
    return send(mail) != way::none;
  }

  /// The same, and says which way it went.
  way send(const envelope_ptr& mail) const;

  /// Who wakes those whose asks are due.
  deadlines& waking() noexcept {
    return waking_;
  }

  /// The actor system ends.
  void clear();

private:
  using direct_ptr = std::shared_ptr<const receiver>;

  struct entry {
    caf::actor who;
    std::vector<std::pair<std::type_index, direct_ptr>> direct;
  };
  /// So that a kind is looked up without a copy of its name.
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  using entry_map
      = std::unordered_map<std::string, entry, text_hash, std::equal_to<>>;

  /// Gives back the lock that `found` was looked up under.
  way deliver_here(const envelope_ptr& mail, const entry* found,
                   std::shared_lock<std::shared_mutex>& guard) const;
  // Under the lock.
  const entry* exact(const address& where) const;
  const entry* look(const address& where) const;

  deadlines waking_;
  std::shared_ptr<outbound> out_;
  mutable std::shared_mutex mutex_;
  entry_map entries_;
};

} // namespace shannon::kit
