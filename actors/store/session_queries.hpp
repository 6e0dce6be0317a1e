#pragma once

#include "protocols/errc.hpp"
#include "protocols/store.hpp"

namespace shannon::store {

class pg_connection;

/// Of each session its newest tasks, added up.
result<session_sums> read_session_sums(pg_connection& db,
                                       const sum_sessions& what);

} // namespace shannon::store
