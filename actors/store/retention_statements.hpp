#pragma once

#include "actors/store/pg_connection.hpp"

#include <string>

namespace shannon::store {

/// The SQL of a sweep. Times come from the database's clock; `keep` is in
/// milliseconds. Each statement that deletes looks again whether it may, and
/// is one transaction with what belongs together.
///
/// A body whose reference went is noted before it is looked at: by a row of
/// `blob_refs` with the number of no log. So nothing of it is forgotten when a
/// sweep is killed, and nobody has to go through all bodies.
namespace retention_sql {

/// Of one sweep at a time: held, in a transaction of its own, for all of it.
extern const char* const take_turn;

/// $1 keep, $2 limit: log_id, appends at most.
extern const pg_statement due;

/// $1 keep, $2 log ids: deletes those that are still due. Answers logs,
/// appends, bytes.
extern const pg_statement remove;

/// $1 keep, $2 limit: log_id, appends at most, of logs with something before
/// their last `RunContinued`, if that is old enough.
extern const pg_statement due_for_trim;

/// $1 keep, $2 log ids. Answers logs, appends, bytes.
extern const pg_statement trim;

/// $1 after which hash, $2 limit: noted bodies, in order.
extern const pg_statement noted;

/// $1 class, $2 key: the lock of bodies with this first byte.
extern const pg_statement lock_bodies;

/// $1 hashes: takes them off the notes and deletes those nobody refers to.
/// Answers bodies, bytes.
extern const pg_statement collect;

/// $1 keep, $2 to $4 after which (updated_at, tenant, id), $5 limit: goes
/// through so many sessions that nobody has opened for long, in this order, and
/// deletes those without tasks. Answers sessions deleted, whether there may be
/// more, and the last one seen.
extern const pg_statement sessions;

/// The parts of `facts`, by name.
extern const pg_statement parts;

/// Is there a row in this part, and is its first one older than an hour?
std::string look_into(const std::string& table);

/// Drops the part if it is empty, in one transaction that waits for nobody
/// longer than `lock_timeout`, and does not look for longer than 1 s while
/// others wait. Answers a row if it was dropped.
std::string drop_if_empty(const std::string& table);

/// What `remove` and `trim` would do now: logs, appends, bytes.
extern const pg_statement count_due;
extern const pg_statement count_trim;
/// What `sessions` would delete once the logs are: how many.
extern const pg_statement count_sessions;

} // namespace retention_sql

} // namespace shannon::store
