#pragma once

#include "protocols/store.hpp"

#include <cstdint>
#include <optional>

namespace shannon::store {

/// What an append wanted to do.
struct append_intent {
  log_tail expected;
  /// Where the log ends if the append won.
  log_tail wanted;
  /// Under which epoch it was sent.
  shard_epoch epoch = 0;
  bool birth = false;
  /// Sent once without an answer: it may have been committed.
  bool unclear = false;
};

/// What the database holds for its log now.
struct log_look {
  std::optional<log_tail> tail; ///< Nothing if there is no such log.
  shard_epoch owner_epoch = 0;  ///< Of the shard.
  /// The chain of the append that has just these versions, if there is one.
  std::optional<std::uint64_t> checksum;
};

enum class append_outcome : std::uint8_t {
  committed, ///< It was this append that moved the log.
  again,     ///< Nothing stands against it: send it again.
  conflict,  ///< Somebody else appended, or the log existed already.
  fenced,    ///< A newer owner holds the shard.
  not_found, ///< There is no such log to append to.
};

/// What became of an append that did not win in its group, or whose
/// connection was lost. Only an unclear one may have won: for the others the
/// same bytes at the same place are somebody else's.
constexpr append_outcome judge(const append_intent& sent,
                               const log_look& found) noexcept {
  if (sent.unclear && found.checksum == sent.wanted.chain)
    return append_outcome::committed;
  if (found.owner_epoch != sent.epoch)
    return append_outcome::fenced;
  if (sent.birth)
    return found.tail ? append_outcome::conflict : append_outcome::again;
  if (!found.tail)
    return append_outcome::not_found;
  if (found.tail->version == sent.expected.version
      && found.tail->chain == sent.expected.chain)
    return append_outcome::again;
  return append_outcome::conflict;
}

} // namespace shannon::store
