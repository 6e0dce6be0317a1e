#include "nodes/commands/history_reader.hpp"

#include "actors/store/migrations.hpp"

#include <limits>
#include <set>
#include <utility>

namespace shannon::commands {

namespace {

using namespace std::chrono_literals;
using store::pg_statement;

/// Facts read at a time; they hold at most a few ten KiB each.
constexpr std::int64_t page_rows = 256;

constexpr const char* reader_settings
    = "set default_transaction_read_only = on;"
      "set default_transaction_isolation = 'repeatable read'";

constexpr pg_statement next_sql{
    "verify_next",
    "select least((select log_id from heads where log_id > $1::text "
    "order by log_id limit 1), (select log_id from facts "
    "where log_id > $1::text order by log_id limit 1))"};

constexpr pg_statement family_sql{
    "verify_family", "select log_id from heads "
                     "where log_id = $1::text or parent = $1::text union "
                     "(select log_id from facts where log_id = $1::text "
                     "limit 1) order by 1"};

constexpr pg_statement head_sql{
    "verify_head", "select version, chain, epoch, status from heads "
                   "where log_id = $1::text"};

constexpr pg_statement page_sql{
    "verify_page", "select version, epoch, checksum, fact, blobs from facts "
                   "where log_id = $1::text and version > $2::int8 "
                   "order by version limit $3::int8"};

constexpr pg_statement bodies_sql{"verify_bodies",
                                  "select hash, sha256(bytes) from blobs "
                                  "where hash = any($1::bytea[])"};

template <class T>
tl::unexpected<error> pass_on(result<T>& bad) {
  return tl::unexpected<error>{std::move(bad.error())};
}

} // namespace

result<history_reader>
history_reader::open(const std::string& dsn,
                     std::function<bool()> keep_waiting) {
  store::pg_options options;
  options.dsn = dsn;
  options.statement_timeout = 60s;
  options.settings = reader_settings;
  options.keep_waiting = std::move(keep_waiting);
  auto db = store::pg_connection::open(std::move(options));
  if (!db)
    return pass_on(db);
  if (auto usable = store::check_schema(*db); !usable)
    return pass_on(usable);
  return history_reader{std::move(*db)};
}

result<std::optional<log_id>> history_reader::next(const log_id& log) {
  auto rows = db_.run(next_sql, {log.value});
  if (!rows)
    return pass_on(rows);
  if (rows->size() == 0 || rows->null(0, 0))
    return std::optional<log_id>{};
  return std::optional{log_id{rows->text(0, 0)}};
}

result<std::vector<log_id>> history_reader::family(const log_id& log) {
  auto rows = db_.run(family_sql, {log.value});
  if (!rows)
    return pass_on(rows);
  std::vector<log_id> all;
  for (int i = 0; i < rows->size(); ++i)
    all.emplace_back(rows->text(i, 0));
  if (all.empty())
    return fail(errc::not_found, log.value + ": no such log");
  return all;
}

result<std::uint64_t> history_reader::check(const log_id& log,
                                            const history::finding_sink& sink) {
  if (auto begun = db_.exec("begin"); !begun)
    return pass_on(begun);
  auto top = head(log);
  if (!top)
    return pass_on(top);
  history::log_checker checker{log, *top, sink};
  auto last = std::numeric_limits<log_version>::min();
  for (;;) {
    auto rows = page(log, last);
    if (!rows)
      return pass_on(rows);
    auto there = bodies(*rows);
    if (!there)
      return pass_on(there);
    for (const auto& row : *rows)
      checker.take(row, *there);
    if (static_cast<std::int64_t>(rows->size()) < page_rows)
      break;
    last = rows->back().version;
  }
  checker.finish();
  if (auto ended = db_.exec("commit"); !ended)
    return pass_on(ended);
  return checker.facts();
}

result<std::optional<history::head_row>>
history_reader::head(const log_id& log) {
  auto rows = db_.run(head_sql, {log.value});
  if (!rows)
    return pass_on(rows);
  if (rows->size() == 0)
    return std::optional<history::head_row>{};
  history::head_row out;
  out.tail.version = rows->int8(0, 0);
  out.tail.chain = static_cast<std::uint64_t>(rows->int8(0, 1));
  out.epoch = rows->int8(0, 2);
  out.status = static_cast<store::log_status>(rows->int2(0, 3));
  return std::optional{out};
}

result<std::vector<history::log_row>> history_reader::page(const log_id& log,
                                                           log_version after) {
  auto rows = db_.run(page_sql, {log.value, store::pg::from_int8(after),
                                 store::pg::from_int8(page_rows)});
  if (!rows)
    return pass_on(rows);
  std::vector<history::log_row> out;
  for (int i = 0; i < rows->size(); ++i) {
    auto& row = out.emplace_back();
    row.version = rows->int8(i, 0);
    row.epoch = rows->int8(i, 1);
    row.checksum = static_cast<std::uint64_t>(rows->int8(i, 2));
    row.fact = rows->text(i, 3);
    if (!rows->null(i, 4))
      for (auto hash : store::pg::to_elements(rows->bytes(i, 4)))
        row.bodies.emplace_back(hash);
  }
  return out;
}

result<history::stored_bodies>
history_reader::bodies(const std::vector<history::log_row>& page) {
  std::set<store::blob_hash> wanted;
  for (const auto& row : page)
    wanted.insert(row.bodies.begin(), row.bodies.end());
  history::stored_bodies out;
  if (wanted.empty())
    return out;
  store::pg::array hashes{store::pg::type::bytea};
  for (const auto& hash : wanted)
    hashes.add(hash);
  auto rows = db_.run(bodies_sql, {hashes.take()});
  if (!rows)
    return pass_on(rows);
  for (int i = 0; i < rows->size(); ++i)
    out.emplace(rows->text(i, 0), rows->text(i, 1));
  return out;
}

} // namespace shannon::commands
