#include "actors/kit/directory.hpp"

#include "actors/kit/actor_base.hpp"

#include <caf/actor_addr.hpp>
#include <caf/send.hpp>

#include <mutex>

namespace shannon::kit {

void directory::bind(const address& where, caf::actor who) {
  // Who stood there may end with this last handle, and then looks in here:
  // it is released after the lock.
  entry fresh{std::move(who), {}};
  std::unique_lock guard{mutex_};
  std::swap(entries_[where.value], fresh);
}

void directory::unbind(const address& where, const caf::actor_addr& who) {
  entry dropped; // released after the lock
  std::unique_lock guard{mutex_};
  auto at = entries_.find(where.value);
  if (at != entries_.end() && at->second.who.address() == who) {
    dropped = std::move(at->second);
    entries_.erase(at);
  }
}

void directory::bind_direct(const address& where, const caf::actor_addr& who,
                            std::type_index type, receiver take) {
  auto direct = std::make_shared<const receiver>(std::move(take));
  std::unique_lock guard{mutex_};
  auto at = entries_.find(where.value);
  if (at != entries_.end() && at->second.who.address() == who)
    at->second.direct.emplace_back(type, std::move(direct));
}

const directory::entry* directory::look(const address& where) const {
  auto at = entries_.find(where.value);
  if (at == entries_.end())
    at = entries_.find(where.kind());
  return at == entries_.end() ? nullptr : &at->second;
}

caf::actor directory::find(const address& where) const {
  std::shared_lock guard{mutex_};
  const auto* found = look(where);
  return found ? found->who : caf::actor{};
}

directory::way directory::send(const envelope_ptr& mail) const {
  caf::actor who;
  direct_ptr direct;
  {
    std::shared_lock guard{mutex_};
    const auto* found = look(mail->to);
    if (!found)
      return way::none;
    if (!mail->is_reply)
      for (const auto& [type, take] : found->direct)
        if (type == mail->body.type())
          direct = take;
    if (!direct)
      who = found->who;
  }
  if (direct) {
    (*direct)(mail);
    return way::direct;
  }
  caf::anon_send(who, mail);
  return way::mailbox;
}

void directory::clear() {
  waking_.clear();
  entry_map dropped;
  std::unique_lock guard{mutex_};
  dropped.swap(entries_);
}

} // namespace shannon::kit
