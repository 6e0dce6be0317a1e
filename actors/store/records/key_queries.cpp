#include "actors/store/records/key_queries.hpp"

#include "actors/store/pg_connection.hpp"
#include "actors/store/records/account_rows.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace shannon::store::records {

namespace {

using namespace accounts;

#define SHANNON_KEY_COLUMNS                                                    \
  "id, tenant, user_id, prefix, name, description, scopes, created_at, "       \
  "expires_at, revoked_at, last_used_at"

/// Made twice under one id it is one key; of another owner it is none.
constexpr pg_statement make_sql{"make_key", R"sql(
insert into api_keys as k (id, tenant, user_id, lookup, digest, prefix, name,
  description, scopes, expires_at)
select $1::text, $2::text, u.id, $4::text, $5::bytea, $6::text, $7::text,
  $8::text, $9::text[], now() + $10::int8 * interval '1 ms'
from users u where u.tenant = $2::text and u.id = $3::text
on conflict (id) do update set name = k.name
  where k.tenant = excluded.tenant and k.digest = excluded.digest
returning )sql" SHANNON_KEY_COLUMNS};

constexpr pg_statement revoke_sql{"revoke_key", R"sql(
update api_keys set revoked_at = now()
where tenant = $1::text and user_id = $2::text and id = $3::text
  and revoked_at is null
  and ($4::text[] is null or scopes <@ $4::text[])
returning lookup)sql"};

/// One statement: there is never a moment without a key that opens. Asked
/// again, it finds the key that it made.
constexpr pg_statement rotate_sql{"rotate_key", R"sql(
with made as (
  select from api_keys where id = $1::text
), old as (
  update api_keys
  set expires_at = least(expires_at, now() + $8::int8 * interval '1 ms')
  where tenant = $2::text and user_id = $3::text and id = $4::text
    and revoked_at is null and (expires_at is null or expires_at > now())
    and not exists (select from made)
  returning tenant, user_id, name, description, scopes,
    (select o.expires_at from api_keys o where o.id = $4::text
      and o.tenant = $2::text) as ends_at
), fresh as (
  insert into api_keys (id, tenant, user_id, lookup, digest, prefix, name,
    description, scopes, expires_at, rotated_from)
  select $1::text, tenant, user_id, $5::text, $6::bytea, $7::text, name,
    description, scopes, ends_at, $4::text from old
  returning )sql" SHANNON_KEY_COLUMNS R"sql(
)
select * from fresh
union all
select )sql" SHANNON_KEY_COLUMNS R"sql( from api_keys
where id = $1::text and tenant = $2::text and digest = $6::bytea)sql"};

constexpr pg_statement touch_sql{"touch_key", R"sql(
update api_keys set last_used_at = now()
where tenant = $1::text and id = $2::text
  and (last_used_at is null or last_used_at < now() - interval '1 minute'))sql"};

constexpr pg_statement list_sql{
    "list_keys",
    "select " SHANNON_KEY_COLUMNS " from api_keys where tenant = $1::text "
    "and user_id = $2::text order by created_at desc, id limit 1000"};

constexpr pg_statement find_sql{"find_key", R"sql(
select k.id, k.digest, k.scopes,
  (extract(epoch from k.expires_at - now()) * 1000)::int8, )sql" SHANNON_ACCOUNT_COLUMNS
                                            R"sql(
from api_keys k
join users u on u.tenant = k.tenant and u.id = k.user_id
join tenants t on t.tenant = k.tenant
where k.lookup = $1::text and k.revoked_at is null
  and (k.expires_at is null or k.expires_at > now())
  and u.closed_at is null and t.closed_at is null)sql"};

#undef SHANNON_KEY_COLUMNS

std::vector<std::string> texts_of(std::string_view array) {
  std::vector<std::string> out;
  for (auto one : pg::to_elements(array))
    out.emplace_back(one);
  return out;
}

std::optional<time_point> time_of(const pg_rows& rows, int row, int column) {
  if (rows.null(row, column))
    return std::nullopt;
  return rows.time(row, column);
}

key_row key_of(const pg_rows& rows, int row) {
  return {rows.text(row, 0),
          tenant_id{rows.text(row, 1)},
          user_id{rows.text(row, 2)},
          rows.text(row, 3),
          rows.text(row, 4),
          rows.text(row, 5),
          texts_of(rows.bytes(row, 6)),
          rows.time(row, 7),
          time_of(rows, row, 8),
          time_of(rows, row, 9),
          time_of(rows, row, 10)};
}

} // namespace

result<key_made> make_key(pg_connection& db, const accounts::make_key& msg) {
  pg::array scopes{pg::type::text};
  for (const auto& one : msg.key.scopes)
    scopes.add(one);
  pg::value lifetime;
  if (msg.key.lifetime)
    lifetime = pg::from_int8(msg.key.lifetime->count());
  auto rows = db.run(make_sql, {msg.key.id, msg.tenant.value, msg.user.value,
                                msg.key.lookup, msg.key.digest, msg.key.prefix,
                                msg.key.name, msg.key.description,
                                scopes.take(), std::move(lifetime)});
  if (!rows)
    return tl::unexpected<error>{std::move(rows.error())};
  if (rows->size() == 0)
    return fail(errc::not_found,
                "no user " + msg.user.value + " in tenant " + msg.tenant.value);
  return key_made{key_of(*rows, 0)};
}

result<key_revoked> revoke_key(pg_connection& db,
                               const accounts::revoke_key& msg) {
  pg::value within;
  if (msg.within) {
    pg::array scopes{pg::type::text};
    for (const auto& one : *msg.within)
      scopes.add(one);
    within = scopes.take();
  }
  return db
      .run(revoke_sql,
           {msg.tenant.value, msg.user.value, msg.id, std::move(within)})
      .map([](const pg_rows& rows) {
        return rows.size() > 0 ? key_revoked{true, rows.text(0, 0)}
                               : key_revoked{};
      });
}

result<key_made> rotate_key(pg_connection& db,
                            const accounts::rotate_key& msg) {
  auto rows = db.run(rotate_sql,
                     {msg.key.id, msg.tenant.value, msg.user.value, msg.id,
                      msg.key.lookup, msg.key.digest, msg.key.prefix,
                      pg::from_int8(msg.overlap.count())});
  if (!rows)
    return tl::unexpected<error>{std::move(rows.error())};
  if (rows->size() == 0)
    return fail(errc::not_found,
                "key " + msg.id + " is unknown, revoked or expired");
  return key_made{key_of(*rows, 0)};
}

result<key_touched> touch_key(pg_connection& db,
                              const accounts::touch_key& msg) {
  return db.run(touch_sql, {msg.tenant.value, msg.id}).map([](const pg_rows&) {
    return key_touched{};
  });
}

result<key_list> list_keys(pg_connection& db, const accounts::list_keys& msg) {
  return db.run(list_sql, {msg.tenant.value, msg.user.value})
      .map([](const pg_rows& rows) {
        key_list out;
        for (int i = 0; i < rows.size(); ++i)
          out.keys.push_back(key_of(rows, i));
        return out;
      });
}

result<key_found> find_key(pg_connection& db, const accounts::find_key& msg) {
  auto rows = db.run(find_sql, {msg.lookup});
  if (!rows)
    return tl::unexpected<error>{std::move(rows.error())};
  if (rows->size() == 0)
    return key_found{};
  live_key out;
  out.id = rows->text(0, 0);
  out.digest = rows->text(0, 1);
  out.scopes = texts_of(rows->bytes(0, 2));
  if (!rows->null(0, 3))
    out.left = std::chrono::milliseconds{rows->int8(0, 3)};
  out.who = account_of(*rows, 0, 4);
  return key_found{std::move(out)};
}

} // namespace shannon::store::records
