#include "actors/store/migrations.hpp"

#include "actors/kit/failpoint.hpp"
#include "actors/store/pg_connection.hpp"
#include "embedded/migration_files.hpp"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

namespace shannon::store {

namespace {

/// Held while migrations are applied. Any fixed number does, as long as no
/// other program uses it in the same database.
constexpr std::int64_t lock_key = 0x5348'414e'4e4f'4e31;

std::string checksum_of(std::string_view text) {
  auto hash = XXH3_128bits(text.data(), text.size());
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (auto part : {hash.high64, hash.low64})
    for (int shift = 60; shift >= 0; shift -= 4)
      out.push_back(digits[(part >> shift) & 0xf]);
  return out;
}

std::string four_digits(std::uint32_t number) {
  auto text = std::to_string(number);
  return std::string(text.size() < 4 ? 4 - text.size() : 0, '0') + text;
}

constexpr pg_statement exists_sql{
    "schema_exists",
    "select to_regclass('shannon.schema_migrations') is not null"};

constexpr pg_statement applied_sql{
    "schema_applied", "select number::int8, name, checksum, applied_at from "
                      "shannon.schema_migrations order by number"};

constexpr pg_statement lock_sql{"migration_lock",
                                "select pg_advisory_lock($1::int8)"};
constexpr pg_statement unlock_sql{"migration_unlock",
                                  "select pg_advisory_unlock($1::int8)"};

constexpr pg_statement record_sql{
    "migration_record",
    "insert into shannon.schema_migrations (number, name, checksum) "
    "values ($1::int8, $2::text, $3::text)"};

constexpr const char* create_sql
    = "create schema if not exists shannon;"
      "create table if not exists shannon.schema_migrations ("
      " number integer primary key, name text not null,"
      " checksum text not null, applied_at timestamptz not null default now())";

result<void> apply_one(pg_connection& db, const migration& next) {
  auto all = db.exec("begin;" + next.sql)
                 .and_then([&](pg_rows) {
                   return db.run(record_sql, {pg::from_int8(next.number),
                                              next.name, next.checksum});
                 })
                 .and_then([&](pg_rows) {
                   SHANNON_FAILPOINT("migration.commits");
                   return db.exec("commit");
                 });
  if (all)
    return {};
  auto why = std::move(all.error());
  if (db.usable())
    db.exec("rollback");
  why.text = "migration " + next.name + " is not applied: " + why.text;
  return tl::unexpected<error>{std::move(why)};
}

/// Schema changes may take long and wait for others.
pg_options admin_options(const std::string& dsn) {
  pg_options options;
  options.dsn = dsn;
  options.statement_timeout = std::chrono::minutes{10};
  options.lock_timeout = std::chrono::minutes{1};
  return options;
}

} // namespace

// -- what is known and what is there ------------------------------------------

result<std::vector<migration>> number_migrations(
    const std::vector<std::pair<std::string_view, std::string_view>>& files) {
  std::vector<migration> out;
  for (const auto& [name, sql] : files) {
    auto digit = [](unsigned char c) { return std::isdigit(c) != 0; };
    auto good = name.size() > 9 && name[4] == '_'
                && name.substr(name.size() - 4) == ".sql"
                && std::all_of(name.begin(), name.begin() + 4, digit);
    if (!good)
      return fail(errc::invalid_argument,
                  "migration " + std::string{name}
                      + " is not named like 0001_name.sql");
    out.push_back(
        {static_cast<std::uint32_t>(std::stoul(std::string{name.substr(0, 4)})),
         std::string{name}, std::string{sql}, checksum_of(sql)});
  }
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
  for (std::size_t i = 0; i < out.size(); ++i)
    if (out[i].number != i + 1)
      return fail(errc::invalid_argument,
                  "migration " + out[i].name + " stands where number "
                      + four_digits(static_cast<std::uint32_t>(i + 1))
                      + " belongs");
  return out;
}

const std::vector<migration>& known_migrations() {
  // A build with badly numbered files knows none; its own unit test fails.
  static const auto all = number_migrations(embedded::migration_files())
                              .value_or(std::vector<migration>{});
  return all;
}

schema_report compare(const std::vector<migration>& known,
                      const std::vector<applied_migration>& applied) {
  auto at = applied.empty() ? 0 : applied.back().number;
  auto newest = known.empty() ? 0 : known.back().number;
  if (at > newest)
    return {schema_state::newer, "the database schema is at " + four_digits(at)
                                     + ", this build knows up to "
                                     + four_digits(newest)
                                     + ": use a newer build of shannon"};
  for (std::size_t i = 0; i < applied.size(); ++i)
    if (applied[i].number != i + 1 || applied[i].checksum != known[i].checksum)
      return {schema_state::altered,
              "the database schema was made with another "
                  + four_digits(static_cast<std::uint32_t>(i + 1))
                  + " than this build's " + known[i].name
                  + ": use the build that made it, or a fresh database"};
  if (applied.empty() && newest != 0)
    return {schema_state::older,
            "the database holds no shannon schema: run `shannon migrate "
            "apply`"};
  if (at < newest)
    return {schema_state::older, "the database schema is at " + four_digits(at)
                                     + ", this build needs "
                                     + four_digits(newest)
                                     + ": run `shannon migrate apply`"};
  return {schema_state::current,
          "the database schema is current, at " + four_digits(at)};
}

// -- against a database -------------------------------------------------------

result<std::vector<applied_migration>> applied_migrations(pg_connection& db) {
  std::vector<applied_migration> out;
  auto exists = db.run(exists_sql, {});
  if (!exists)
    return tl::unexpected<error>{std::move(exists.error())};
  if (exists->bytes(0, 0) != std::string_view{"\1", 1})
    return out;
  auto rows = db.run(applied_sql, {});
  if (!rows)
    return tl::unexpected<error>{std::move(rows.error())};
  for (int i = 0; i < rows->size(); ++i)
    out.push_back({static_cast<std::uint32_t>(rows->int8(i, 0)),
                   rows->text(i, 1), rows->text(i, 2), rows->time(i, 3)});
  return out;
}

result<void> check_schema(pg_connection& db) {
  auto applied = applied_migrations(db);
  if (!applied)
    return tl::unexpected<error>{std::move(applied.error())};
  auto report = compare(known_migrations(), *applied);
  if (report.state != schema_state::current)
    return fail(errc::failed, std::move(report.sentence));
  return {};
}

result<std::uint32_t> apply_migrations(pg_connection& db,
                                       const std::vector<migration>& known) {
  auto key = pg::from_int8(lock_key);
  if (auto held = db.run(lock_sql, {key}); !held)
    return tl::unexpected<error>{std::move(held.error())};
  auto work = [&]() -> result<std::uint32_t> {
    if (auto made = db.exec(create_sql); !made)
      return tl::unexpected<error>{std::move(made.error())};
    auto applied = applied_migrations(db);
    if (!applied)
      return tl::unexpected<error>{std::move(applied.error())};
    auto report = compare(known, *applied);
    if (report.state == schema_state::newer
        || report.state == schema_state::altered)
      return fail(errc::failed, std::move(report.sentence));
    std::uint32_t count = 0;
    for (auto i = applied->size(); i < known.size(); ++i, ++count)
      if (auto done = apply_one(db, known[i]); !done)
        return tl::unexpected<error>{std::move(done.error())};
    return count;
  };
  auto done = work();
  // A lost connection has given the lock back already.
  if (db.usable())
    db.run(unlock_sql, {key});
  return done;
}

// -- for commands -------------------------------------------------------------

result<migration_status> read_migration_status(const std::string& dsn) {
  auto db = pg_connection::open(admin_options(dsn));
  if (!db)
    return tl::unexpected<error>{std::move(db.error())};
  auto applied = applied_migrations(*db);
  if (!applied)
    return tl::unexpected<error>{std::move(applied.error())};
  std::map<std::uint32_t, migration_line> lines;
  for (const auto& one : known_migrations())
    lines[one.number] = {one.number, one.name, std::nullopt};
  for (const auto& one : *applied)
    lines[one.number] = {one.number, one.name, one.at};
  migration_status out;
  out.report = compare(known_migrations(), *applied);
  for (auto& [number, line] : lines)
    out.lines.push_back(std::move(line));
  return out;
}

result<std::uint32_t> migrate(const std::string& dsn) {
  auto db = pg_connection::open(admin_options(dsn));
  if (!db)
    return tl::unexpected<error>{std::move(db.error())};
  return apply_migrations(*db, known_migrations());
}

result<void> check_database(const std::string& dsn) {
  pg_options options;
  options.dsn = dsn;
  options.statement_timeout = options.connect_timeout;
  auto db = pg_connection::open(std::move(options));
  if (!db)
    return tl::unexpected<error>{std::move(db.error())};
  return check_schema(*db);
}

} // namespace shannon::store
