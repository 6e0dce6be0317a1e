#include "actors/store/records/refresh_queries.hpp"

#include "actors/store/pg_connection.hpp"
#include "actors/store/records/account_rows.hpp"

#include <utility>

namespace shannon::store::records {

namespace {

using namespace accounts;

/// A user's tokens that have expired go when a new one comes.
constexpr pg_statement sweep_sql{
    "sweep_refresh",
    "delete from refresh_tokens where tenant = $1::text and user_id = $2::text "
    "and expires_at < now() - interval '1 day'"};

constexpr pg_statement keep_sql{"keep_refresh", R"sql(
insert into refresh_tokens (hash, tenant, user_id, family, expires_at)
values ($1::bytea, $2::text, $3::text, $4::text,
  now() + $5::int8 * interval '1 ms')
on conflict (hash) do nothing)sql"};

/// What is done to a family is done one after the other: else a token that is
/// being made would be missed by who revokes the family.
constexpr pg_statement lock_sql{
    "lock_refresh_family",
    "select pg_advisory_xact_lock(hashtextextended(family, 0)) "
    "from refresh_tokens where hash = $1::bytea"};

constexpr pg_statement take_sql{"take_refresh", R"sql(
update refresh_tokens set used_at = now(), next = $2::bytea
where hash = $1::bytea and used_at is null and revoked_at is null
  and expires_at > now()
returning tenant, user_id, family)sql"};

constexpr pg_statement next_sql{"next_refresh", R"sql(
insert into refresh_tokens (hash, tenant, user_id, family, expires_at)
select $2::bytea, tenant, user_id, family, now() + $3::int8 * interval '1 ms'
from refresh_tokens where hash = $1::bytea and next = $2::bytea
on conflict (hash) do nothing)sql"};

constexpr pg_statement who_sql{
    "refresh_owner",
    "select " SHANNON_ACCOUNT_COLUMNS
    ", r.next is not distinct from $2::bytea and n.revoked_at is null, "
    "r.used_at is not null and r.revoked_at is null "
    "from refresh_tokens r "
    "left join refresh_tokens n on n.hash = r.next "
    "join users u on u.tenant = r.tenant and u.id = r.user_id "
    "join tenants t on t.tenant = r.tenant "
    "where r.hash = $1::bytea and u.closed_at is null and t.closed_at is null"};

constexpr pg_statement revoke_sql{
    "revoke_refresh_family",
    "update refresh_tokens set revoked_at = now() "
    "where family = (select family from refresh_tokens where hash = $1::bytea) "
    "and revoked_at is null"};

bool yes(std::string_view bytes) {
  return bytes == std::string_view{"\1", 1};
}

} // namespace

result<refresh_kept> keep_refresh(pg_connection& db,
                                  const accounts::keep_refresh& msg) {
  auto sent
      = db.queue(sweep_sql, {msg.tenant.value, msg.user.value}).and_then([&] {
          return db.queue(keep_sql,
                          {msg.hash, msg.tenant.value, msg.user.value,
                           msg.family, pg::from_int8(msg.lifetime.count())});
        });
  if (!sent)
    return tl::unexpected<error>{std::move(sent.error())};
  return db.sync().map([](const auto&) { return refresh_kept{}; });
}

result<refresh_used> use_refresh(pg_connection& db,
                                 const accounts::use_refresh& msg) {
  auto sent
      = db.queue(lock_sql, {msg.hash})
            .and_then([&] {
              return db.queue(take_sql, {msg.hash, msg.next});
            })
            .and_then([&] {
              return db.queue(next_sql, {msg.hash, msg.next,
                                         pg::from_int8(msg.lifetime.count())});
            })
            .and_then([&] {
              return db.queue(who_sql, {msg.hash, msg.next});
            });
  if (!sent)
    return tl::unexpected<error>{std::move(sent.error())};
  auto got = db.sync();
  if (!got)
    return tl::unexpected<error>{std::move(got.error())};
  const auto& rows = got->back();
  refresh_used out;
  if (rows.size() == 0)
    return out;
  auto mine = yes(rows.bytes(0, account_columns));
  auto used_before = yes(rows.bytes(0, account_columns + 1));
  if (mine) {
    out.what = refresh_used::outcome::taken;
    out.who = account_of(rows, 0);
    return out;
  }
  if (!used_before)
    return out; // Expired, or revoked with its family.
  out.what = refresh_used::outcome::reused;
  auto done = db.queue(lock_sql, {msg.hash})
                  .and_then([&] { return db.queue(revoke_sql, {msg.hash}); })
                  .and_then([&] { return db.sync(); });
  if (!done)
    return tl::unexpected<error>{std::move(done.error())};
  return out;
}

} // namespace shannon::store::records
