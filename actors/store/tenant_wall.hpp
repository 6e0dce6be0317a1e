#pragma once

#include "protocols/errc.hpp"
#include "protocols/ids.hpp"

namespace shannon::store {

class pg_connection;

/// The second wall between tenants: row-level security. Every query names its
/// tenant in its text; should one forget, the database still shows it no row
/// of another, because each connection says for whom it works.
///
/// A superuser passes row-level security, and so does an owner unless it is
/// forced. So a connection of such a user takes the role `shannon_records`,
/// which the migrations make, and which has what records need and may read
/// logs, nothing else.

/// SQL for a connection that has just been opened.
extern const char* const wall_sql;

/// From now on this connection sees rows of `tenant` alone. Costs a round trip
/// unless that is for whom it works already. `invalid_argument` for an empty
/// id, and for "*", which stands for all.
result<void> enter_tenant(pg_connection& db, const tenant_id& tenant);

/// From now on it sees all rows.
result<void> leave_tenants(pg_connection& db);

} // namespace shannon::store
