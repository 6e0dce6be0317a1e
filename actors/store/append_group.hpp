#pragma once

#include "actors/store/append_outcome.hpp"
#include "actors/store/pg_values.hpp"
#include "actors/store/shard_epochs.hpp"
#include "protocols/errc.hpp"
#include "protocols/store.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace shannon::store {

class pg_connection;

/// One append on its way: what was asked, and what follows from it.
struct append_entry {
  const append* what = nullptr;
  /// Where the log ends if this append wins.
  log_tail wanted;
  shard_epochs::place place;
  /// It was sent before without an answer.
  bool unclear = false;

  append_intent intent() const {
    return {what->expected, wanted, place.epoch, what->birth.has_value(),
            unclear};
  }
};

/// The end of the log after these facts.
log_tail tail_after(const append& what);

/// Refuses what the database would refuse with an error, which would cost the
/// whole group: text that is not UTF-8 or holds zeros, sizes out of bounds.
result<void> check(const append& what);

/// Appends the group as one transaction of one statement. Answers, for each
/// entry, whether it won. A loser has written nothing. The logs must differ.
result<std::vector<bool>> commit_group(pg_connection& db,
                                       std::span<const append_entry> group);

/// What the database now holds for each entry's log.
result<std::vector<log_look>> look_at(pg_connection& db,
                                      std::span<const append_entry> group);

/// What the planner must know to take index paths whatever the statistics
/// say: set on each connection that commits.
extern const char* const writer_settings;

} // namespace shannon::store
