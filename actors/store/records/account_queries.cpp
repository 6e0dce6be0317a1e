#include "actors/store/records/account_queries.hpp"

#include "actors/store/pg_connection.hpp"
#include "actors/store/records/account_rows.hpp"

#include <utility>

namespace shannon::store::records {

namespace {

using namespace accounts;

/// The tenant is made by whoever comes first: of two at a time one waits for
/// the other, and is no owner.
constexpr pg_statement make_sql{"make_account", R"sql(
with home as (
  insert into tenants (tenant, name) values ($1::text, $4::text)
  on conflict (tenant) do nothing
  returning tenant
)
insert into users as u (id, tenant, email, username, name, role, password_hash)
select $2::text, $1::text, $3::text, $4::text, $5::text,
  case when exists (select from home) then 'owner' else 'user' end, $6::text
where exists (select from home)
  or exists (select from tenants where tenant = $1::text
             and closed_at is null)
on conflict (id) do update set name = u.name
  where u.tenant = excluded.tenant and u.password_hash = excluded.password_hash
returning tenant, id, email, username, name, role,
  coalesce((select plan from tenants t where t.tenant = u.tenant), 'free'),
  epoch)sql"};

constexpr pg_statement raise_sql{
    "raise_epoch",
    "update users set epoch = epoch + 1 where tenant = $1::text and id = "
    "$2::text returning epoch"};

constexpr pg_statement find_sql{
    "find_account", "select " SHANNON_ACCOUNT_COLUMNS
                    " from users u join tenants t on t.tenant = u.tenant "
                    "where u.tenant = $1::text and u.id = $2::text "
                    "and u.closed_at is null and t.closed_at is null"};

constexpr pg_statement login_sql{
    "find_login",
    "select " SHANNON_ACCOUNT_COLUMNS
    ", u.password_hash from users u join tenants t on t.tenant = u.tenant "
    "where lower(u.email) = lower($1::text) and u.password_hash is not null "
    "and u.closed_at is null and t.closed_at is null"};

} // namespace

result<account_made> make_account(pg_connection& db,
                                  const accounts::make_account& msg) {
  const auto& who = msg.who;
  auto rows = db.run(make_sql, {who.tenant.value, who.user.value, who.email,
                                who.username, who.name, msg.password_hash});
  if (!rows) {
    if (rows.error().code == errc::conflict)
      return fail(errc::conflict, "an account with this address exists");
    return tl::unexpected<error>{std::move(rows.error())};
  }
  if (rows->size() == 0)
    return fail(errc::conflict, "the tenant is closed");
  return account_made{account_of(*rows, 0)};
}

result<epoch_raised> raise_epoch(pg_connection& db,
                                 const accounts::raise_epoch& msg) {
  return db.run(raise_sql, {msg.tenant.value, msg.user.value})
      .map([](const pg_rows& rows) { return epoch_raised{rows.size() > 0}; });
}

result<account_found> find_account(pg_connection& db,
                                   const accounts::find_account& msg) {
  return db.run(find_sql, {msg.tenant.value, msg.user.value})
      .map([](const pg_rows& rows) {
        account_found out;
        if (rows.size() > 0)
          out.who = account_of(rows, 0);
        return out;
      });
}

result<login_found> find_login(pg_connection& db,
                               const accounts::find_login& msg) {
  return db.run(login_sql, {msg.email}).map([](const pg_rows& rows) {
    login_found out;
    if (rows.size() > 0) {
      out.who = account_of(rows, 0);
      out.password_hash = rows.text(0, account_columns);
    }
    return out;
  });
}

} // namespace shannon::store::records
