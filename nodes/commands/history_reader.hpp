#pragma once

#include "actors/store/pg_connection.hpp"
#include "actors/workflow/history/log_checker.hpp"
#include "protocols/errc.hpp"
#include "protocols/ids.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace shannon::commands {

/// Reads logs as they are stored, for the checker. Only reads; each log from
/// one snapshot, so that a node may go on writing. Holds one page of facts and
/// none of their bodies: the database says what those hash to.
///
/// Errors are those of `pg_connection`; after one the reader is of no use.
class history_reader {
public:
  /// `keep_waiting` as in `pg_options`. `failed` if the schema is not one
  /// this build can read.
  static result<history_reader> open(const std::string& dsn,
                                     std::function<bool()> keep_waiting);

  /// The first log after `log` in the order of ids; none at the end. A log
  /// that has lost its head is one too.
  result<std::optional<log_id>> next(const log_id& log);

  /// A log and those it started. `not_found` if there is no such log.
  result<std::vector<log_id>> family(const log_id& log);

  /// Takes one log through the checker. Answers the number of its facts.
  result<std::uint64_t> check(const log_id& log,
                              const history::finding_sink& sink);

private:
  explicit history_reader(store::pg_connection db) : db_(std::move(db)) {}

  result<std::optional<history::head_row>> head(const log_id& log);
  result<history::stored_bodies>
  bodies(const std::vector<history::log_row>& page);
  result<std::vector<history::log_row>> page(const log_id& log,
                                             log_version after);

  store::pg_connection db_;
};

} // namespace shannon::commands
