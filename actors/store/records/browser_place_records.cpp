#include "actors/store/records/browser_place_records.hpp"

#include "actors/store/pg_connection.hpp"
#include "protocols/browser_places.hpp"

#include <utility>

namespace shannon::store::records {

namespace {

namespace places = browser_places;

constexpr pg_statement find_sql{
    "browser_place_find",
    "select p.holder from browser_places p where p.session = $1::text "
    "and exists (select from nodes n where n.expires_at > now() "
    "and n.name || '#' || n.incarnation = p.holder)"};

/// Taken from a holder that is gone, never from one that lives.
constexpr pg_statement claim_sql{
    "browser_place_claim",
    "insert into browser_places as p (session, holder, claimed_at) "
    "values ($1::text, $2::text, now()) on conflict (session) do update "
    "set holder = excluded.holder, claimed_at = excluded.claimed_at "
    "where p.holder = excluded.holder or not exists (select from nodes n "
    "where n.expires_at > now() and n.name || '#' || n.incarnation = "
    "p.holder)"};

constexpr pg_statement leave_sql{
    "browser_place_leave",
    "delete from browser_places where session = $1::text "
    "and holder = $2::text"};

/// Each claim takes away a few that are too old, so that none need be swept.
constexpr pg_statement forget_sql{
    "browser_place_forget",
    "delete from browser_places where session in (select session "
    "from browser_places where claimed_at < now() - interval '2 days' "
    "order by claimed_at limit 4 for update skip locked)"};

places::place place_at(const pg_rows& rows) {
  return {rows.size() == 0 ? std::string{} : rows.text(0, 0)};
}

result<places::place> find(pg_connection& db, const places::find& msg) {
  return db.run(find_sql, {msg.session}).map(place_at);
}

result<places::place> claim(pg_connection& db, const places::claim& msg) {
  auto sent = db.queue(forget_sql, {})
                  .and_then([&] {
                    return db.queue(claim_sql, {msg.session, msg.holder});
                  })
                  .and_then([&] { return db.queue(find_sql, {msg.session}); });
  if (!sent)
    return tl::unexpected<error>{std::move(sent.error())};
  return db.sync().map([](const auto& got) { return place_at(got[2]); });
}

result<places::place> leave(pg_connection& db, const places::leave& msg) {
  return db.run(leave_sql, {msg.session, msg.holder}).map([](const pg_rows&) {
    return places::place{};
  });
}

} // namespace

/// Whoever reaches an admin port may have any of them: they have no tenant.
subject browser_place_lines() {
  return {across_tenants("browser_place_find", find),
          across_tenants("browser_place_claim", claim),
          across_tenants("browser_place_leave", leave)};
}

} // namespace shannon::store::records
