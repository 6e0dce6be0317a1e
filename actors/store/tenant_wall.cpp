#include "actors/store/tenant_wall.hpp"

#include "actors/store/pg_connection.hpp"

#include <utility>

namespace shannon::store {

namespace {

/// Of the session, not the transaction: a query may hold several.
constexpr pg_statement enter_sql{
    "enter_tenant", "select set_config('shannon.tenant', $1::text, false)"};

/// What the policies take for all tenants. No tenant has this id: ids are
/// checked where they come in.
constexpr const char* everybody = "*";

result<void> set(pg_connection& db, const std::string& whom) {
  if (db.works_for() == whom)
    return {};
  // Until it is answered nobody knows which of the two it is.
  db.works_for({});
  if (auto done = db.run(enter_sql, {whom}); !done)
    return tl::unexpected<error>{std::move(done.error())};
  db.works_for(whom);
  return {};
}

} // namespace

const char* const wall_sql = R"sql(
do $wall$ begin
  if (select rolsuper or rolbypassrls from pg_roles where rolname = current_user)
  then
    set role shannon_records;
  end if;
end $wall$)sql";

result<void> enter_tenant(pg_connection& db, const tenant_id& tenant) {
  if (tenant.empty())
    return fail(errc::invalid_argument, "expected a tenant, found none");
  if (tenant.value == everybody)
    return fail(errc::invalid_argument, "\"*\" is no tenant");
  return set(db, tenant.value);
}

result<void> leave_tenants(pg_connection& db) {
  return set(db, everybody);
}

} // namespace shannon::store
