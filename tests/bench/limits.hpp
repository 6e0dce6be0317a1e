#pragma once

#include "protocols/errc.hpp"

#include <chrono>
#include <string>

namespace shannon::bench {

/// What this machine's disk and this Postgres can do at best, measured beside
/// each figure in the same run. Rows are shaped like facts (log, version,
/// epoch, time, checksum, 200 bytes; keyed by log and version) and go to a
/// table of their own, with nothing checked; every commit is durable.
class limits {
public:
  static result<limits> open(std::string dsn);

  /// One row a commit, from so many connections at once.
  double commits_per_second(int connections, std::chrono::milliseconds time);

  /// Rows a second when each commit holds `group` of them: the best of one,
  /// two and four connections.
  double rows_per_second(int group, std::chrono::milliseconds time);

private:
  explicit limits(std::string dsn) : dsn_(std::move(dsn)) {}

  double insert(int connections, int group, std::chrono::milliseconds time);

  std::string dsn_;
};

} // namespace shannon::bench
