#pragma once

#include "protocols/accounts.hpp"
#include "protocols/errc.hpp"

namespace shannon::store {

class pg_connection;

namespace records {

/// Users for whom a provider vouches.
result<accounts::entered> enter(pg_connection& db, const accounts::enter& msg);

} // namespace records

} // namespace shannon::store
