#pragma once

#include "actors/kit/owned_shards.hpp"
#include "actors/store/append_outcome.hpp"
#include "actors/store/group_statements.hpp"
#include "actors/store/pg_values.hpp"
#include "protocols/errc.hpp"
#include "protocols/store.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

namespace shannon::store {

class pg_connection;

/// One append on its way: what was asked, and what follows from it.
struct append_entry {
  const append* what = nullptr;
  /// Where the log ends if this append wins.
  log_tail wanted;
  kit::owned_shards::place place;
  /// The log's number, and where its last append stands, if that is known: a
  /// birth is given its number when it is sent.
  log_place at;
  /// It was sent before without an answer.
  bool unclear = false;

  append_intent intent() const {
    return {what->expected, wanted, place.epoch, what->birth.has_value(),
            unclear};
  }

  /// A log that exists cannot be appended to before its place is known.
  bool located() const {
    return what->birth.has_value() || at.row != 0;
  }
};

/// The end of the log after these facts.
log_tail tail_after(const append& what);

/// Appends groups over one connection. Owns what belongs to the connection
/// beside its session: the block of log numbers and the statements of each
/// part of the table. Used by one thread.
class group_committer {
public:
  using clock = std::chrono::steady_clock;

  /// Appends the group as one transaction, in one round trip. Answers, for
  /// each entry, whether it won. A loser has written nothing. The logs must
  /// differ, and be located. `conflict` if another transaction put something
  /// in the place of one of them meanwhile: then none is written.
  result<std::vector<bool>> commit(pg_connection& db,
                                   std::span<append_entry> group);

private:
  result<void> number_births(pg_connection& db, std::span<append_entry> group);
  result<void> next_block(pg_connection& db);
  const part_statements& statements(std::int64_t part);

  std::map<std::int64_t, part_statements> parts_;
  /// The unused rest of a block of numbers.
  std::int64_t next_number_ = 0;
  std::int64_t end_number_ = 0;
  clock::time_point block_since_{};
};

/// What the database now holds for each entry's log.
result<std::vector<log_look>> look_at(pg_connection& db,
                                      std::span<const append_entry> group);

/// What the planner must know to take index paths whatever the statistics
/// say: set on each connection that commits.
extern const char* const writer_settings;

} // namespace shannon::store
