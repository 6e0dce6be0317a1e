#pragma once

#include "actors/store/pg_values.hpp"
#include "protocols/errc.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

struct pg_conn;
struct pg_result;

namespace shannon::store {

/// The rows of one statement, in binary format.
class pg_rows {
public:
  explicit pg_rows(::pg_result* raw);

  int size() const noexcept;
  bool null(int row, int column) const noexcept;
  std::string_view bytes(int row, int column) const noexcept;

  std::string text(int row, int column) const {
    return std::string{bytes(row, column)};
  }
  std::int64_t int8(int row, int column) const noexcept {
    return pg::to_int8(bytes(row, column));
  }
  std::int32_t int4(int row, int column) const noexcept {
    return pg::to_int4(bytes(row, column));
  }
  std::int16_t int2(int row, int column) const noexcept {
    return pg::to_int2(bytes(row, column));
  }
  pg::time time(int row, int column) const noexcept {
    return pg::to_time(bytes(row, column));
  }

private:
  std::shared_ptr<::pg_result> raw_;
};

/// A statement by its name; prepared on a connection when first used there.
/// Instances are constants: the name stands for the text.
struct pg_statement {
  const char* name;
  const char* sql;
};

struct pg_options {
  std::string dsn;
  std::chrono::milliseconds connect_timeout{3'000};
  std::chrono::milliseconds statement_timeout{10'000};
  std::chrono::milliseconds lock_timeout{5'000};
  /// SQL run once after connecting, after the settings every connection has.
  std::string settings{};
  /// Called at least every 50 ms while the database is waited for; false
  /// gives up with `cancelled`.
  std::function<bool()> keep_waiting{};
};

/// One connection to PostgreSQL, used by one thread. Waits with poll(), never
/// longer than its limits, and turns what libpq reports into errors:
/// `unavailable` (retryable) for a lost connection or a lock not granted,
/// `timeout` for a cancelled statement, `invalid_argument` for data a column
/// does not take, `conflict` for a key that is there already, `failed` with the
/// SQLSTATE otherwise.
class pg_connection {
public:
  /// Connects, with synchronous commit, timeouts and the schema's search path.
  static result<pg_connection> open(pg_options options);

  pg_connection(pg_connection&&) noexcept;
  pg_connection& operator=(pg_connection&&) noexcept;
  ~pg_connection();

  /// False once the connection is lost; it never comes back.
  bool usable() const noexcept;

  /// Looks, without waiting, whether the server has hung up.
  bool still_there();

  /// Runs SQL that may hold several statements. Its text must be our own.
  /// Answers the rows of the last one, in text format.
  result<pg_rows> exec(const std::string& sql);

  /// Queues a statement for the next `sync`.
  result<void> queue(const pg_statement& what, pg::values parameters);

  /// Sends what is queued as one implicit transaction in one round trip, and
  /// waits for the sync point: only then is it durable. Answers the rows of
  /// each statement in order, or the first error, with nothing done.
  result<std::vector<pg_rows>> sync();

  /// The tenant whose rows it is known to see, "*" for all, or empty: not
  /// known. Kept for tenant_wall.hpp, which sets what it is.
  const std::string& works_for() const noexcept {
    return works_for_;
  }
  void works_for(std::string whom) {
    works_for_ = std::move(whom);
  }

  /// `queue` and `sync` of one statement.
  result<pg_rows> run(const pg_statement& what, pg::values parameters);

private:
  struct closer {
    void operator()(::pg_conn* raw) const noexcept;
  };

  explicit pg_connection(pg_options options);

  result<void> connect();
  result<void> wait(bool writing, std::chrono::steady_clock::time_point due);
  result<std::vector<pg_rows>> collect();
  error lost(std::string_view what);

  pg_options options_;
  std::unique_ptr<::pg_conn, closer> raw_;
  bool lost_ = false;
  std::string works_for_;
  std::unordered_set<std::string> prepared_;
  /// What the pipeline will answer, in order: the name for a preparation,
  /// empty for a statement.
  std::vector<std::string> queued_;
};

} // namespace shannon::store
