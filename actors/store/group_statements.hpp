#pragma once

#include "actors/store/pg_connection.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace shannon::store {

/// Classes of the advisory locks we take; the second half of a key says what
/// within the class. Any numbers do that nobody else uses in this database.
enum class lock_class : std::int32_t {
  shard = 0x53484101,  ///< Shared by appends, exclusive for a claim.
  bodies = 0x53484103, ///< By first byte of the hash: shared by appends with
                       ///< bodies, exclusive for who removes bodies.
  sweep = 0x53484104,  ///< One sweep of what is no longer kept at a time.
  membership = 0x53484105, ///< A node joins.
};

/// Logs in one part of the table `facts`, as a power of two.
constexpr int part_bits = 20;

/// The part that holds a log's facts.
constexpr std::int64_t part_of(std::int64_t log_number) noexcept {
  return log_number < 0 ? -1 : log_number >> part_bits;
}

/// The table of that part.
std::string part_table(std::int64_t part);

/// What a group's transaction is made of. Statements name the part of `facts`
/// they work on: through the partitioned table each would lock and open every
/// part there is.
///
///   extend  facts of logs that exist
///   bear    heads, facts and places among the active of new logs
///   change  heads and the active, where an append changes them
///   open    sessions that begin with their first task
///   keep    bodies and who needs them
///
/// `extend` and `bear` let through only appends whose shard has the epoch
/// they were sent under and whose log ends where they expect it, and answer
/// the numbers of the logs that won. `change`, `open` and `keep` work on what
/// this very transaction appended: on rows whose xmin is its own.
///
/// An append that is alone in its group comes as plain values, not as arrays
/// of one: setting up these costs Postgres more than the append itself.
class part_statements {
public:
  enum what : std::uint8_t { extend, bear, change, open, keep };

  explicit part_statements(std::int64_t part);

  /// Its parameters are arrays, one element an append.
  pg_statement of_many(what which) const;
  /// Its parameters are values. Not for `keep`: an append may need many bodies.
  pg_statement of_one(what which) const;

private:
  struct statement {
    std::string name;
    std::string text;
  };
  statement many_[5];
  statement one_[4];
};

/// Locks shards and bodies, shared, in the order given; comes first, so that
/// what follows sees everything that ended before the locks were had.
extern const pg_statement lock_statement;
/// The same for a single lock.
extern const pg_statement lock_one_statement;

/// Where logs end now, for appends that did not win or are in doubt.
extern const pg_statement look_statement;

} // namespace shannon::store
