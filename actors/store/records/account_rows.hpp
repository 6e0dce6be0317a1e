#pragma once

#include "actors/store/pg_connection.hpp"
#include "protocols/accounts.hpp"

namespace shannon::store::records {

/// What an account is made of, of `users u` and `tenants t`, in this order.
#define SHANNON_ACCOUNT_COLUMNS                                                \
  "u.tenant, u.id, u.email, u.username, u.name, u.role, t.plan, u.epoch"

inline constexpr int account_columns = 8;

/// From `column` on.
inline accounts::account account_of(const pg_rows& rows, int row,
                                    int column = 0) {
  return {
      tenant_id{rows.text(row, column)}, user_id{rows.text(row, column + 1)},
      rows.text(row, column + 2),        rows.text(row, column + 3),
      rows.text(row, column + 4),        rows.text(row, column + 5),
      rows.text(row, column + 6),        rows.int8(row, column + 7)};
}

} // namespace shannon::store::records
