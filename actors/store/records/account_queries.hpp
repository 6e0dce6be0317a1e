#pragma once

#include "protocols/accounts.hpp"
#include "protocols/errc.hpp"

namespace shannon::store {

class pg_connection;

namespace records {

/// Tenants and users.

result<accounts::account_made> make_account(pg_connection& db,
                                            const accounts::make_account& msg);

result<accounts::epoch_raised> raise_epoch(pg_connection& db,
                                           const accounts::raise_epoch& msg);

/// Of a user and a tenant that are open.
result<accounts::account_found> find_account(pg_connection& db,
                                             const accounts::find_account& msg);

/// Of an account that has a password.
result<accounts::login_found> find_login(pg_connection& db,
                                         const accounts::find_login& msg);

} // namespace records

} // namespace shannon::store
