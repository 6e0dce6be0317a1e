#pragma once

#include "protocols/errc.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shannon::store {

class pg_connection;

// -- what is known and what is there ------------------------------------------

/// One forward-only change of the schema: a file `NNNN_name.sql`.
struct migration {
  std::uint32_t number = 0;
  std::string name; ///< The file's name.
  std::string sql;
  std::string checksum; ///< XXH3-128 of the file, in hex.
};

/// A migration as the database remembers it.
struct applied_migration {
  std::uint32_t number = 0;
  std::string name;
  std::string checksum;
  std::chrono::system_clock::time_point at;
};

/// Orders files by number. They must run 1, 2, 3 … without gap or repeat.
result<std::vector<migration>> number_migrations(
    const std::vector<std::pair<std::string_view, std::string_view>>& files);

/// The migrations compiled into this build.
const std::vector<migration>& known_migrations();

enum class schema_state : std::uint8_t {
  current,
  older,   ///< Some or all of ours are missing: `shannon migrate apply`.
  newer,   ///< Holds some this build does not know.
  altered, ///< One was applied with another content.
};

struct schema_report {
  schema_state state = schema_state::current;
  /// One sentence: what is there, and what to do about it.
  std::string sentence;
};

schema_report compare(const std::vector<migration>& known,
                      const std::vector<applied_migration>& applied);

// -- against a database -------------------------------------------------------

/// What the database remembers; empty if it holds no schema of ours.
result<std::vector<applied_migration>> applied_migrations(pg_connection& db);

/// Succeeds if this build can work with the schema. Else `failed`, not
/// retryable, with the report's sentence; `unavailable` if nobody answers.
result<void> check_schema(pg_connection& db);

/// Applies what is missing, each file in its own transaction, under one
/// advisory lock: many nodes may call at once. Answers how many were applied.
/// A newer or altered schema is refused. Touches the schema `shannon` only.
result<std::uint32_t> apply_migrations(pg_connection& db,
                                       const std::vector<migration>& known);

// -- for commands: one connection of their own --------------------------------

struct migration_line {
  std::uint32_t number = 0;
  std::string name;
  std::optional<std::chrono::system_clock::time_point> applied_at;
};

struct migration_status {
  schema_report report;
  /// Known and applied ones, by number.
  std::vector<migration_line> lines;
};

result<migration_status> read_migration_status(const std::string& dsn);

/// `apply_migrations` with what this build knows.
result<std::uint32_t> migrate(const std::string& dsn);

/// Does the database answer within 3 s, and can this build use its schema?
result<void> check_database(const std::string& dsn);

} // namespace shannon::store
