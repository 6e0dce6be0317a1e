#include "actors/kit/directory.hpp"

#include "actors/kit/actor_base.hpp"

#include <caf/actor_addr.hpp>
#include <caf/send.hpp>

#include <mutex>

namespace shannon::kit {

void directory::bind(const address& where, caf::actor who) {
  // Who stood there may end with this last handle, and then looks in here:
  // it is released after the lock.
  std::unique_lock guard{mutex_};
  entries_[where.value].swap(who);
}

void directory::unbind(const address& where, const caf::actor_addr& who) {
  caf::actor dropped; // released after the lock
  std::unique_lock guard{mutex_};
  auto at = entries_.find(where.value);
  if (at != entries_.end() && at->second.address() == who) {
    dropped = std::move(at->second);
    entries_.erase(at);
  }
}

caf::actor directory::find(const address& where) const {
  std::shared_lock guard{mutex_};
  auto at = entries_.find(where.value);
  if (at == entries_.end())
    at = entries_.find(std::string{where.kind()});
  return at == entries_.end() ? caf::actor{} : at->second;
}

bool directory::deliver(const envelope_ptr& mail) const {
  auto who = find(mail->to);
  if (!who)
    return false;
  caf::anon_send(who, mail);
  return true;
}

void directory::clear() {
  std::unordered_map<std::string, caf::actor> dropped;
  std::unique_lock guard{mutex_};
  dropped.swap(entries_);
}

} // namespace shannon::kit
