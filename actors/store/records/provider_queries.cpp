#include "actors/store/records/provider_queries.hpp"

#include "actors/store/pg_connection.hpp"
#include "actors/store/records/account_rows.hpp"

#include <optional>
#include <utility>

namespace shannon::store::records {

namespace {

using namespace accounts;

constexpr pg_statement find_sql{
    "find_subject",
    "select " SHANNON_ACCOUNT_COLUMNS ", coalesce(u.closed_at, t.closed_at) "
    "from users u join tenants t on t.tenant = u.tenant "
    "where u.provider = $1::text and u.subject = $2::text"};

/// All three or none: what is there already is a conflict.
constexpr pg_statement make_sql{"make_subject", R"sql(
with home as (
  insert into tenants (tenant, name) values ($1::text, $4::text)
  returning tenant
), person as (
  insert into users (id, tenant, email, username, name, role, provider, subject)
  select $2::text, tenant, $3::text, $4::text, $5::text, 'owner', $6::text,
    $7::text
  from home
  returning id, tenant
)
insert into api_keys (id, tenant, user_id, lookup, digest, prefix, name,
  description, scopes)
select $8::text, tenant, id, $9::text, $10::bytea, $11::text, $12::text,
  $13::text, $14::text[]
from person)sql"};

/// Nothing: nobody is known by it. Who has the id that this message brings was
/// made by it.
result<std::optional<entered>> find(pg_connection& db,
                                    const accounts::enter& msg) {
  return db.run(find_sql, {msg.provider, msg.subject})
      .map([&](const pg_rows& rows) -> std::optional<entered> {
        if (rows.size() == 0)
          return std::nullopt;
        entered out;
        auto who = account_of(rows, 0);
        out.is_new = who.user == msg.who.user;
        if (rows.null(0, account_columns))
          out.who = std::move(who);
        return out;
      });
}

result<void> make(pg_connection& db, const accounts::enter& msg) {
  pg::array scopes{pg::type::text};
  for (const auto& one : msg.key.scopes)
    scopes.add(one);
  const auto& who = msg.who;
  const auto& key = msg.key;
  return db
      .run(make_sql,
           {who.tenant.value, who.user.value, who.email, who.username, who.name,
            msg.provider, msg.subject, key.id, key.lookup, key.digest,
            key.prefix, key.name, key.description, scopes.take()})
      .map([](const pg_rows&) {});
}

} // namespace

result<entered> enter(pg_connection& db, const accounts::enter& msg) {
  auto known = find(db, msg);
  if (known && !*known) {
    auto made = make(db, msg);
    if (!made && made.error().code != errc::conflict)
      return tl::unexpected<error>{std::move(made.error())};
    // Whoever came at the same time may have made it.
    known = find(db, msg);
  }
  if (!known)
    return tl::unexpected<error>{std::move(known.error())};
  if (!*known)
    return fail(errc::conflict, "an account with this address exists");
  return std::move(**known);
}

} // namespace shannon::store::records
