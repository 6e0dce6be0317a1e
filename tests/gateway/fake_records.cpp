#include "tests/gateway/fake_records.hpp"

#include <utility>

namespace shannon::test {

namespace {

tl::unexpected<error> no_such() {
  return fail(errc::not_found, "Session not found");
}

} // namespace

std::vector<sessions::session> fake_records::sessions() const {
  std::lock_guard guard{mutex_};
  std::vector<sessions::session> all;
  for (const auto& one : sessions_)
    all.push_back(one.what);
  return all;
}

fake_records::kept* fake_records::find(const tenant_id& tenant,
                                       const user_id& user,
                                       const std::string& key) {
  for (auto& one : sessions_)
    if (one.tenant == tenant && one.what.user == user
        && (one.what.id == key || one.what.name.value == key))
      return &one;
  return nullptr;
}

result<message_body> fake_records::open(const sessions::open& msg) {
  if (auto* known = find(msg.tenant, msg.what.user, msg.what.id)) {
    bool anew = std::exchange(known->deleted, false);
    if (anew) {
      known->what = msg.what;
      known->what.since = now_;
    }
    return message_body{sessions::opened{known->what, anew}};
  }
  for (const auto& one : sessions_)
    if (one.tenant == msg.tenant && one.what.id == msg.what.id)
      return no_such();
  sessions_.push_back({msg.tenant, msg.what, false});
  return message_body{sessions::opened{msg.what, true}};
}

result<message_body> fake_records::claimed(const answers::claim& msg) {
  using outcome = answers::claimed::outcome;
  auto [at, is_new] = claims_.try_emplace(msg.name, claim{msg, {}});
  answers::claimed got;
  if (is_new)
    got.how = outcome::mine;
  else if (at->second.by.digest != msg.digest)
    got.how = outcome::other_body;
  else if (at->second.what.status == 0)
    got.how = outcome::under_way;
  else
    got = {outcome::settled, at->second.what};
  return message_body{std::move(got)};
}

result<message_body> fake_records::answer(const envelope& mail) {
  std::lock_guard guard{mutex_};
  const auto& body = mail.body;
  if (const auto* msg = body.get_if<sessions::open>())
    return open(*msg);
  if (const auto* msg = body.get_if<answers::claim>())
    return claimed(*msg);
  if (const auto* msg = body.get_if<answers::settle>()) {
    claims_.at(msg->name).what = msg->what;
    return message_body{answers::settled_ack{}};
  }
  if (const auto* msg = body.get_if<answers::give_up>()) {
    claims_.erase(msg->name);
    return message_body{answers::settled_ack{}};
  }
  if (const auto* msg = body.get_if<sessions::find>()) {
    auto* known = find(msg->tenant, msg->user, msg->key);
    return known && !known->deleted ? result<message_body>{known->what}
                                    : no_such();
  }
  if (const auto* msg = body.get_if<sessions::rename>()) {
    auto* known = find(msg->tenant, msg->user, msg->key);
    if (!known || known->deleted)
      return no_such();
    known->what.title = msg->title;
    known->what.titled = true;
    return message_body{known->what};
  }
  if (const auto* msg = body.get_if<sessions::remove>()) {
    auto* known = find(msg->tenant, msg->user, msg->key);
    if (!known)
      return no_such();
    known->deleted = true;
    return message_body{sessions::removed{}};
  }
  if (const auto* msg = body.get_if<sessions::list>()) {
    sessions::page page;
    for (auto at = sessions_.rbegin(); at != sessions_.rend(); ++at)
      if (at->tenant == msg->tenant && at->what.user == msg->user
          && !at->deleted && ++page.total > msg->offset
          && page.sessions.size() < msg->limit)
        page.sessions.push_back(at->what);
    return message_body{std::move(page)};
  }
  return fail(errc::failed, "the fake RECORD STORE knows no such message");
}

} // namespace shannon::test
