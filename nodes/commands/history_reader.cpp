#include "nodes/commands/history_reader.hpp"

#include "actors/store/migrations.hpp"
#include "actors/store/shard_of.hpp"
#include "actors/workflow/engine/events.hpp"
#include "actors/workflow/history/words.hpp"
#include "nodes/commands/version.hpp"
#include "protocols/checksum.hpp"

#include <algorithm>
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
    "verify_family",
    "with recursive family as (select $1::text collate \"C\" as log_id union "
    "select h.log_id from heads h join family f on h.parent = f.log_id) "
    "select f.log_id from family f where exists (select from heads h "
    "where h.log_id = f.log_id) or exists (select from facts a "
    "where a.log_id = f.log_id) order by f.log_id"};

constexpr pg_statement head_sql{
    "verify_head", "select version, chain, epoch, status, kind, parent, "
                   "tenant, user_id, session from heads "
                   "where log_id = $1::text"};

constexpr pg_statement page_sql{
    "verify_page",
    "select version, epoch, checksum, fact, blobs, at from facts "
    "where log_id = $1::text and version > $2::int8 "
    "order by version limit $3::int8"};

constexpr pg_statement bodies_sql{"verify_bodies",
                                  "select hash, sha256(bytes) from blobs "
                                  "where hash = any($1::bytea[])"};

constexpr pg_statement shard_count_sql{"why_shards",
                                       "select count(*) from shards"};
constexpr pg_statement owner_sql{"why_owner",
                                 "select owner, epoch, claimed_at from shards "
                                 "where shard = $1::int2"};

constexpr pg_statement contents_sql{"export_bodies",
                                    "select hash, bytes from blobs "
                                    "where hash = any($1::bytea[])"};

/// Bodies read at a time: each may be some MiB.
constexpr std::size_t contents_rows = 16;

template <class T>
tl::unexpected<error> pass_on(result<T>& bad) {
  return tl::unexpected<error>{std::move(bad.error())};
}

std::int64_t unix_us(store::pg::time at) {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             at.time_since_epoch())
      .count();
}

/// A fact that cannot be read says nothing that may be shown.
std::string without(const std::string& bytes,
                    const history::redactor& taken_out) {
  facts::Fact fact;
  if (!fact.ParseFromString(bytes))
    return {};
  taken_out.take_out(fact);
  return fact.SerializeAsString();
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
  auto known = *top ? std::optional{(*top)->row} : std::nullopt;
  history::log_checker checker{log, known, sink};
  auto read = each_page(log, [&](const auto& rows) -> result<void> {
    auto there = bodies(rows);
    if (!there)
      return pass_on(there);
    for (const auto& row : rows)
      checker.take(row, *there);
    return {};
  });
  if (!read)
    return pass_on(read);
  checker.finish();
  if (auto ended = db_.exec("commit"); !ended)
    return pass_on(ended);
  return checker.facts();
}

result<void> history_reader::each_page(
    const log_id& log,
    const std::function<result<void>(const std::vector<history::log_row>&)>&
        take) {
  auto last = std::numeric_limits<log_version>::min();
  for (;;) {
    auto rows = page(log, last);
    if (!rows)
      return pass_on(rows);
    if (auto taken = take(*rows); !taken)
      return taken;
    if (static_cast<std::int64_t>(rows->size()) < page_rows)
      return {};
    last = rows->back().version;
  }
}

// -- carrying a log away ------------------------------------------------------

result<history_reader::exported>
history_reader::export_log(const log_id& log, std::ostream& out,
                           const history::redactor* taken_out) {
  if (auto begun = db_.exec("begin"); !begun)
    return pass_on(begun);
  auto top = head(log);
  if (!top)
    return pass_on(top);
  exported done;
  history::export_header header;
  header.log = log;
  header.build = program_version();
  header.redacted = taken_out != nullptr;
  if (*top) {
    header.birth = (*top)->birth;
    header.status = (*top)->row.status;
    if (taken_out)
      header.birth = taken_out->take_out(header.birth);
  }
  history::export_writer writer{out};
  writer.begin(header);
  std::set<store::blob_hash> hashes;
  store::log_tail found;
  std::uint64_t redacted = 0; // Checksums are of what the file holds.
  auto read = each_page(log, [&](const auto& rows) -> result<void> {
    for (const auto& row : rows) {
      auto sum = store::chain(found.chain, row.version, row.fact);
      if (done.damage.empty()
          && (row.version != found.version + 1 || sum != row.checksum))
        done.damage = "version " + std::to_string(row.version);
      found = {row.version, row.checksum};
      history::exported_fact fact{row.version, row.recorded_us, row.epoch,
                                  row.checksum, row.fact};
      if (taken_out) {
        fact.bytes = without(row.fact, *taken_out);
        redacted = store::chain(redacted, fact.version, fact.bytes);
        fact.checksum = redacted;
      }
      writer.fact(fact);
      hashes.insert(row.bodies.begin(), row.bodies.end());
      ++done.facts;
    }
    return {};
  });
  if (!read)
    return pass_on(read);
  if (!*top && done.facts == 0)
    return fail(errc::not_found, log.value + ": no such log");
  if (!taken_out)
    if (auto put = write_bodies(hashes, writer, done); !put)
      return pass_on(put);
  writer.end();
  if (auto ended = db_.exec("commit"); !ended)
    return pass_on(ended);
  return done;
}

result<void>
history_reader::write_bodies(const std::set<store::blob_hash>& hashes,
                             history::export_writer& writer, exported& done) {
  for (auto at = hashes.begin(); at != hashes.end();) {
    store::pg::array some{store::pg::type::bytea};
    std::size_t wanted = 0;
    for (; at != hashes.end() && wanted < contents_rows; ++at, ++wanted)
      some.add(*at);
    auto rows = db_.run(contents_sql, {some.take()});
    if (!rows)
      return pass_on(rows);
    for (int i = 0; i < rows->size(); ++i) {
      if (workflow::sha256(rows->bytes(i, 1)) != rows->bytes(i, 0)
          && done.damage.empty())
        done.damage = "body " + history::hex(rows->bytes(i, 0));
      writer.body(rows->text(i, 0), rows->bytes(i, 1));
    }
    if (static_cast<std::size_t>(rows->size()) < wanted && done.damage.empty())
      done.damage = "a body that is not there";
    done.bodies += static_cast<std::uint64_t>(rows->size());
  }
  return {};
}

result<history_reader::owner> history_reader::owner_of(const log_id& log) {
  auto count = db_.run(shard_count_sql, {});
  if (!count)
    return pass_on(count);
  owner out;
  out.shard = store::shard_of(
      log,
      static_cast<std::uint32_t>(std::max<std::int64_t>(count->int8(0, 0), 1)));
  auto rows = db_.run(
      owner_sql, {store::pg::from_int2(static_cast<std::int16_t>(out.shard))});
  if (!rows)
    return pass_on(rows);
  if (rows->size() == 0)
    return out;
  out.node = rows->text(0, 0);
  out.epoch = rows->int8(0, 1);
  if (!rows->null(0, 2))
    out.claimed_us = unix_us(rows->time(0, 2));
  return out;
}

// -- rows ---------------------------------------------------------------------

result<std::optional<history_reader::full_head>>
history_reader::head(const log_id& log) {
  auto rows = db_.run(head_sql, {log.value});
  if (!rows)
    return pass_on(rows);
  if (rows->size() == 0)
    return std::optional<full_head>{};
  full_head out;
  out.row.tail.version = rows->int8(0, 0);
  out.row.tail.chain = static_cast<std::uint64_t>(rows->int8(0, 1));
  out.row.epoch = rows->int8(0, 2);
  out.row.status = static_cast<store::log_status>(rows->int2(0, 3));
  out.birth = {rows->text(0, 4), log_id{rows->text(0, 5)},
               tenant_id{rows->text(0, 6)}, user_id{rows->text(0, 7)},
               session_id{rows->text(0, 8)}};
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
    row.recorded_us = unix_us(rows->time(i, 5));
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
