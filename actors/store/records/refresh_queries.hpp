#pragma once

#include "protocols/accounts.hpp"
#include "protocols/errc.hpp"

namespace shannon::store {

class pg_connection;

namespace records {

/// Refresh tokens: each opens once.

result<accounts::refresh_kept> keep_refresh(pg_connection& db,
                                            const accounts::keep_refresh& msg);

result<accounts::refresh_used> use_refresh(pg_connection& db,
                                           const accounts::use_refresh& msg);

} // namespace records

} // namespace shannon::store
