#pragma once

#include "protocols/cluster.hpp"
#include "protocols/errc.hpp"

#include <string>

namespace shannon::store {

class pg_connection;

/// The table `nodes`, and who owns what in `shards`. Each is one transaction.

/// `denied`: live nodes of another cluster are here, or the database was made
/// for another number of shards; while it holds no log and no other node
/// lives, it is made for `shards`.
result<cluster::joined> join(pg_connection& db, const cluster::join& what,
                             std::uint32_t shards);

result<cluster::membership> renew(pg_connection& db,
                                  const cluster::renew_lease& what);

result<cluster::shard_rows> read_shards(pg_connection& db,
                                        std::uint32_t shards);

result<cluster::leases> read_leases(pg_connection& db);

/// Raises the epoch only under the lock that appends share: when this returns,
/// nothing of the owner before can come any more. A shard whose lock is not had
/// within some 50 ms is not granted; a stopped session holds up no other.
result<cluster::shards_changed> claim(pg_connection& db,
                                      const cluster::claim_shards& what);

result<cluster::shards_changed> release(pg_connection& db,
                                        const cluster::release_shards& what);

/// The process ends in order: its row goes, and its shards are free. Over a
/// connection of its own, since the store's are gone by then.
result<void> leave(const std::string& dsn, const node_id& self);

} // namespace shannon::store
