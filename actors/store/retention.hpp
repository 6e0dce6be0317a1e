#pragma once

#include "actors/store/pg_connection.hpp"
#include "config/settings.hpp"
#include "protocols/errc.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace shannon::store {

/// What a sweep removed, or would.
struct swept {
  std::uint64_t logs = 0;    ///< With all that is theirs.
  std::uint64_t trimmed = 0; ///< Logs that lost what came before their base.
  std::uint64_t appends = 0; ///< Rows of facts.
  std::uint64_t bodies = 0;
  std::uint64_t sessions = 0;
  std::uint64_t parts = 0; ///< Of the table `facts`.
  std::uint64_t bytes = 0; ///< Of facts and bodies, as stored.
  /// Bodies left for the next sweep: their locks were not to be had.
  std::uint64_t bodies_left = 0;

  bool anything() const noexcept {
    return logs + trimmed + bodies + sessions + parts != 0;
  }
};

struct sweep_options {
  config::store_settings store;
  config::retention_settings keep;
  /// Only counts logs, appends, sessions and bytes, whoever sweeps meanwhile:
  /// that may have changed when it is told.
  bool dry_run = false;
  /// Asked at least every 50 ms; false ends the sweep `cancelled`.
  std::function<bool()> go_on{};
};

/// Removes what settings no longer keep, in this order:
///
///   logs     ended long enough ago, those who started others first
///   prefixes what stands before a log's last `RunContinued`
///   sessions that nobody has opened for as long, and that have no tasks left
///   bodies   that no log refers to any more
///   parts    of `facts` that are empty and behind all numbers in use
///
/// Each step is a transaction of bounded size and true in itself: killed at
/// any moment, a sweep leaves a whole database, and the next one goes on. It
/// waits for locks at most `lock_patience` and lets appends go first.
///
/// `conflict` if another sweep is under way, here or on another node; else the
/// errors of `pg_connection`, with what was done before lost to the caller
/// only. `so_far` has it in any case.
class retention_sweep {
public:
  /// Longer than an append holds any, shorter than anybody notices.
  static constexpr std::chrono::milliseconds lock_patience{200};

  explicit retention_sweep(sweep_options options)
      : options_(std::move(options)) {}

  result<swept> run();

  const swept& so_far() const noexcept {
    return done_;
  }

private:
  using clock = std::chrono::steady_clock;

  struct candidate {
    std::string log;
    std::uint64_t appends = 0;
  };

  result<pg_connection> connect(const std::string& more) const;
  result<void> open();
  result<void> take_turn();
  result<void> count();
  result<void> sweep();
  result<void> in_batches(const pg_statement& find, const pg_statement& act,
                          std::chrono::milliseconds keep,
                          std::uint64_t& counted);
  result<std::vector<candidate>> look(const pg_statement& find,
                                      std::chrono::milliseconds keep);
  result<std::uint64_t> act_on(const pg_statement& act,
                               std::chrono::milliseconds keep,
                               const std::vector<std::string>& logs);
  result<void> end_sessions();
  result<void> collect_bodies();
  result<void> collect(const std::vector<std::string>& hashes);
  result<void> drop_parts();
  /// Between two transactions; an error when the sweep is over.
  result<void> pause();

  sweep_options options_;
  swept done_;
  /// Holds the turn: a transaction without a snapshot, so that PgBouncer may
  /// stand between and vacuum is not held up.
  std::optional<pg_connection> turn_;
  std::optional<pg_connection> db_;
};

} // namespace shannon::store
