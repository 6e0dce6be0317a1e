#pragma once

#include "protocols/envelope.hpp"
#include "protocols/errc.hpp"
#include "protocols/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace shannon::workflow {

/// An order to a run that is about to be read: stand still for a person, if
/// the log still ends where it failed before.
struct park_order {
  /// Nothing: wherever the log ends.
  std::optional<log_version> at;
  std::string reason;
};

/// What an ACTIVATOR decides: who is started, kept back, woken, parked and
/// forgotten. Pure: no actors, no clock, no store. Each function says what has
/// happened, and returns what must be done about it.
///
///               mail ──> looked up ──┐
///     due, unfinished ──> queued ────┴──> reading ──settled──> live
///                          ^                 │                  │
///                          └──── paused <────┴───── failed ─────┤
///     nothing is held <──── ended, passive, and no mail waits ──┘
///
/// A log that is another node's to carry is not started, wherever it stands,
/// and mail for it is refused `unavailable`. A life that began under an epoch
/// before this one is stopped, and begun anew from the log: between the two
/// others may have written, and what it waits for may have come to them.
///
/// It holds an entry for each log that is active or on its way to be or back;
/// for one that waits, none. Failures are remembered apart, up to a limit,
/// until the log has got past the place where they happened.
class activation_table {
public:
  struct limits {
    /// Logs held. Above it mail that creates one is refused `overloaded`;
    /// above twice that, all mail for logs that are not active, and no log
    /// that is due or unfinished is started.
    std::uint32_t runs_max = 10'000;
    /// Logs that are read at once because they are due or unfinished. Mail
    /// does not wait for its turn.
    std::uint32_t reading_max = 64;
    /// Failures at one place, without a fact stored in between, that park.
    std::uint32_t failures_max = 5;
    /// Mail kept for one log.
    std::uint32_t waiting_max = 1'000;
    /// Logs whose failures are remembered; above it the longest known is
    /// forgotten.
    std::uint32_t failing_max = 10'000;
  };

  struct start {
    log_id log;
    /// Tells this life from those of the same log before it.
    std::uint64_t life = 0;
    /// The log is thought not to exist: its mail creates it.
    bool create = false;
    std::optional<park_order> park;
    /// Of its lives before, in a row; and why the last has failed.
    std::uint32_t failures = 0;
    std::string last_failure;
    /// Given to it, in this order.
    std::vector<envelope_ptr> mail;
  };
  struct pause {
    log_id log;
    std::uint32_t attempt = 1; ///< The one that failed: makes the backoff.
  };
  struct refusal {
    envelope_ptr mail;
    error why;
  };

  /// What must be done, in this order.
  struct orders {
    std::vector<start> starts;
    /// To the one who lives at its address.
    std::vector<envelope_ptr> forwards;
    /// Ask the store for the head, then say `looked_up`.
    std::vector<log_id> look_ups;
    /// Wait a while, then say `pause_over`.
    std::vector<pause> pauses;
    std::vector<refusal> refusals;
    /// These end: another node carries them from now on, or has in between.
    std::vector<log_id> stops;
  };

  /// How a life came to its end.
  enum class end : std::uint8_t {
    done,   ///< By itself: the run has ended, or waits (`passive` said so).
    reread, ///< Only its log can say where it stands: no failure of the run.
    failed,
  };

  /// `creates`: can this mail bring a log to life that does not exist?
  /// `first_life`: higher than any of an ACTIVATOR before this one.
  /// `claim`: under which epoch this node carries the log, nothing for one that
  /// is another node's. Asked each time.
  /// `has_room`: may this mail create a log, as far as `limits` do not say?
  /// Asked once, before anything is held for it.
  activation_table(
      std::string kind, limits, std::uint64_t first_life,
      std::function<bool(const envelope&)> creates,
      std::function<std::optional<shard_epoch>(const log_id&)> claim
      = [](const log_id&) { return shard_epoch{0}; },
      std::function<bool(const envelope&)> has_room
      = [](const envelope&) { return true; });

  // -- what happens -----------------------------------------------------------

  /// Mail for `kind/<log>` came here. `lives`: somebody stands at its address.
  orders mail(envelope_ptr what, bool lives);

  /// The head was read: nothing for a log that goes on, else why mail for it
  /// is refused.
  orders looked_up(const log_id& log, const std::optional<error>& closed);

  /// These have not ended and are not idle, or their timer is due.
  orders wanted(const std::vector<log_id>& logs);

  /// This life has read its log, which ends there, or has created it.
  orders settled(const log_id& log, std::uint64_t life, log_version version);

  /// This life is about to go although its run has not ended: it waits.
  void passive(const log_id& log, std::uint64_t life);

  /// `why` it has failed.
  orders down(const log_id& log, std::uint64_t life, end how,
              std::string why = {});

  orders pause_over(const log_id& log);

  /// Some logs have become another node's, or have been.
  orders moved();

  // -- state ------------------------------------------------------------------

  /// All mail that is kept: the ACTIVATOR ends, and hands it back.
  std::vector<envelope_ptr> give_up();

  bool active(const log_id& log) const;
  /// Logs that wait for their turn to be read.
  std::size_t queued() const noexcept {
    return queued_;
  }
  std::size_t reading() const noexcept {
    return reading_;
  }
  /// Logs held in any state.
  std::size_t size() const noexcept {
    return entries_.size();
  }
  std::size_t failing() const noexcept {
    return failing_.size();
  }

private:
  enum class phase : std::uint8_t { looked_up, queued, reading, live, paused };

  struct entry {
    phase at = phase::looked_up;
    std::uint64_t life = 0;
    bool in_turn = false; ///< Counts among the `reading_max`.
    bool passive = false;
    bool stale = false;    ///< Of an epoch before: it ends, and begins anew.
    shard_epoch epoch = 0; ///< Under which its life began.
    std::uint32_t rereads = 0; ///< In a row, without a fact in between.
    log_version place = 0;     ///< Where it was read last.
    std::vector<envelope_ptr> mail;
  };
  /// Failures in a row at one place.
  struct failures {
    log_version place = 0;
    std::uint32_t here = 0;   ///< Known to be at `place`.
    std::uint32_t unread = 0; ///< Since the log was read last.
    std::uint64_t since = 0;  ///< Order of the first failure.
    std::string last;         ///< Why it failed the last time.
  };
  using entry_map = std::unordered_map<log_id, entry>;

  /// Takes the entry away if its log is another node's.
  void begin(entry_map::iterator at, bool in_turn, orders& what);
  void turn_away(entry_map::iterator at, orders& what);
  /// Is it the life of an epoch before, and not stopped yet?
  bool outlived(const log_id& log, const entry& item) const;
  void stop(const log_id& log, entry& item, orders& what);
  void stop_reading(entry& item);
  void fill(orders& what);
  bool may_create(const entry& item) const;
  std::optional<park_order> verdict(const log_id& log) const;
  std::uint32_t failed(const log_id& log, std::string why);

  std::string kind_;
  limits limits_;
  std::uint64_t lives_;
  std::function<bool(const envelope&)> creates_;
  std::function<std::optional<shard_epoch>(const log_id&)> claim_;
  std::function<bool(const envelope&)> has_room_;
  entry_map entries_;
  /// May name logs that have been started or forgotten since.
  std::deque<log_id> turn_;
  std::size_t queued_ = 0;
  std::size_t reading_ = 0;
  std::unordered_map<log_id, failures> failing_;
  std::uint64_t failures_seen_ = 0;
};

} // namespace shannon::workflow
