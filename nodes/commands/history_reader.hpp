#pragma once

#include "actors/store/pg_connection.hpp"
#include "actors/workflow/history/export_format.hpp"
#include "actors/workflow/history/log_checker.hpp"
#include "actors/workflow/history/redact.hpp"
#include "protocols/errc.hpp"
#include "protocols/ids.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <iosfwd>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace shannon::commands {

/// Reads logs as they are stored, for the checker and to carry them away. Only
/// reads; each log from one snapshot, so that a node may go on writing. Holds
/// one page of facts.
///
/// Errors are those of `pg_connection`; after one the reader is of no use.
class history_reader {
public:
  /// `keep_waiting` as in `pg_options`. `failed` if the schema is not one
  /// this build can read.
  static result<history_reader> open(const std::string& dsn,
                                     std::function<bool()> keep_waiting);

  /// The first log after `log` in the order of ids; none at the end. Logs that
  /// have lost their heads come last; their facts do not tell their ids, so
  /// one that has ended is named by its number: `#7`.
  result<std::optional<log_id>> next(const log_id& log);

  /// A log, those it started, and those they started. `not_found` if there is
  /// no such log.
  result<std::vector<log_id>> family(const log_id& log);

  /// Takes one log through the checker. Answers the number of its facts;
  /// `not_found`, and the reader is of use still, if it was deleted meanwhile.
  result<std::uint64_t> check(const log_id& log,
                              const history::finding_sink& sink);

  /// What `export_log` takes out, and where a log does not fit together.
  struct exported {
    std::uint64_t facts = 0;
    std::uint64_t bodies = 0;
    /// The first that is not as it was written; empty if all are.
    std::string damage;
  };

  /// Writes one log as text, by `taken_out` without what must not be shown.
  /// `not_found` if there is no such log.
  result<exported> export_log(const log_id& log, std::ostream& out,
                              const history::redactor* taken_out);

  /// Who may write a log now.
  struct owner {
    std::string node; ///< Empty: nobody has claimed its shard yet.
    std::int64_t shard = 0;
    shard_epoch epoch = 0;
    std::int64_t claimed_us = 0;
    std::string process; ///< `NAME#INCARNATION`: who has claimed it.
    /// Until that process's lease ends, by the database's clock; not above 0
    /// if it has; nothing if the process has left, or another has its name.
    std::optional<std::int64_t> lease_left_us;
  };

  result<owner> owner_of(const log_id& log);

private:
  struct full_head {
    history::head_row row;
    store::log_birth birth;
    /// Begins with this RunContinued: what was before is gone.
    std::optional<log_version> trimmed;
  };

  /// A log as it is gone through.
  struct position {
    log_id log;
    /// Under which the tables know it.
    std::int64_t number = 0;
    /// What it keeps for itself of bodies.
    std::set<store::blob_hash> bodies;
    /// Where it stands before the next row.
    store::log_tail tail;
    /// Facts before this version are passed over.
    log_version from = 0;
    /// What its head knows: the log passes through there.
    std::optional<store::log_tail> named;
    bool passed = false;
  };

  explicit history_reader(store::pg_connection db) : db_(std::move(db)) {}

  result<void> find_orphans();
  result<std::optional<std::uint64_t>>
  check_short(const log_id& log, const history::finding_sink& sink);
  static void check_passed(const position& at,
                           const history::finding_sink& sink);
  result<void> check_children(history::log_checker& checker);
  full_head head_at(const store::pg_rows& rows, position& at) const;
  static std::vector<history::log_row> rows_at(const store::pg_rows& rows,
                                               position& at);
  result<std::optional<full_head>> head(const log_id& log, position& at);
  result<void> find_base(position& at, log_version begun_anew,
                         store::log_tail& base);
  result<void> find_bodies(position& at);
  result<history::stored_bodies>
  bodies(const std::vector<history::log_row>& page);
  /// The facts of the next rows; none at the end.
  result<std::vector<history::log_row>> page(position& at);
  /// Calls `take` with each page of a log's facts, all from one snapshot.
  result<void> each_page(
      position& at,
      const std::function<result<void>(const std::vector<history::log_row>&)>&
          take);
  result<void> write_bodies(const std::set<store::blob_hash>& hashes,
                            history::export_writer& writer, exported& done);

  store::pg_connection db_;
  std::uint32_t shards_ = 0;
  std::int64_t alive_us_ = 0; ///< A node was at work then.
  std::deque<log_id> ahead_;  ///< The next logs, in the order of ids.
  /// Logs with facts but no head, by the name we give them.
  std::optional<std::map<log_id, std::int64_t>> orphans_;
};

} // namespace shannon::commands
