#pragma once

#include "protocols/accounts.hpp"
#include "protocols/errc.hpp"

namespace shannon::store {

class pg_connection;

namespace records {

/// API keys: each is one statement, safe to repeat.

result<accounts::key_made> make_key(pg_connection& db,
                                    const accounts::make_key& msg);

result<accounts::key_revoked> revoke_key(pg_connection& db,
                                         const accounts::revoke_key& msg);

result<accounts::key_made> rotate_key(pg_connection& db,
                                      const accounts::rotate_key& msg);

struct key_touched {};
result<key_touched> touch_key(pg_connection& db,
                              const accounts::touch_key& msg);

result<accounts::key_list> list_keys(pg_connection& db,
                                     const accounts::list_keys& msg);

result<accounts::key_found> find_key(pg_connection& db,
                                     const accounts::find_key& msg);

} // namespace records

} // namespace shannon::store
