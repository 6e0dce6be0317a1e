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

void directory::route_by(std::shared_ptr<outbound> way_out) {
  std::unique_lock guard{mutex_};
  std::swap(out_, way_out);
}

const directory::entry* directory::exact(const address& where) const {
  auto at = entries_.find(where.value);
  return at == entries_.end() ? nullptr : &at->second;
}

const directory::entry* directory::look(const address& where) const {
  if (const auto* found = exact(where))
    return found;
  auto at = entries_.find(where.kind());
  return at == entries_.end() ? nullptr : &at->second;
}

caf::actor directory::find(const address& where) const {
  std::shared_lock guard{mutex_};
  const auto* found = look(where);
  return found ? found->who : caf::actor{};
}

directory::way directory::send(const envelope_ptr& mail) const {
  std::shared_ptr<outbound> out;
  {
    std::shared_lock guard{mutex_};
    if (!out_)
      return deliver_here(mail, look(mail->to), guard);
    if (const auto* found = exact(mail->to))
      return deliver_here(mail, found, guard);
    out = out_;
  }
  // It may send itself: not under the lock.
  switch (out->carry(mail)) {
  case outbound::verdict::carried:
    return way::carried;
  case outbound::verdict::lost:
    return way::none;
  case outbound::verdict::here:
    break;
  }
  std::shared_lock guard{mutex_};
  return deliver_here(mail, look(mail->to), guard);
}

directory::way
directory::deliver_here(const envelope_ptr& mail, const entry* found,
                        std::shared_lock<std::shared_mutex>& guard) const {
  if (!found)
    return way::none;
  direct_ptr direct;
  if (!mail->is_reply)
    for (const auto& [type, take] : found->direct)
      if (type == mail->body.type())
        direct = take;
  auto who = direct ? caf::actor{} : found->who;
  guard.unlock();
  if (direct) {
    (*direct)(mail);
    return way::direct;
  }
  // Only an ask overtakes: protocols/control.hpp.
  if (mail->urgency == priority::control && mail->correlation != 0
      && !mail->is_reply)
    caf::anon_send<caf::message_priority::high>(who, mail);
  else
    caf::anon_send(who, mail);
  return way::mailbox;
}

void directory::clear() {
  waking_.clear();
  entry_map dropped;
  std::shared_ptr<outbound> out;
  std::unique_lock guard{mutex_};
  dropped.swap(entries_);
  out.swap(out_);
}

} // namespace shannon::kit
