#include "nodes/commands/history_reader.hpp"

#include "actors/kit/bytes_text.hpp"
#include "actors/store/body_codec.hpp"
#include "actors/store/facts_row.hpp"
#include "actors/store/migrations.hpp"
#include "actors/workflow/engine/events.hpp"
#include "actors/workflow/history/bodies.hpp"
#include "actors/workflow/history/words.hpp"
#include "nodes/commands/version.hpp"
#include "protocols/checksum.hpp"
#include "protocols/cluster.hpp"
#include "protocols/shard_of.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>
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

constexpr pg_statement shards_sql{"verify_shards",
                                  "select count(*) from shards"};

/// A node keeps its connections, a command is gone soon. Where none is, the
/// last thing that was stored tells when one was.
constexpr pg_statement alive_sql{
    "verify_alive",
    "select case when exists (select from pg_stat_activity "
    "where datname = current_database() and pid <> pg_backend_pid() "
    "and application_name = 'shannon' "
    "and backend_start < now() - $1::int8 * interval '1 second') then now() "
    "else greatest(max(created_at), max(ended_at)) end from heads"};

constexpr pg_statement next_sql{"verify_next",
                                "select log_id from heads where "
                                "log_id > $1::text order by log_id limit "
                                "$2::int8"};

constexpr pg_statement children_sql{
    "verify_children",
    "select t.log_id, h.parent, e.last, h.kind, h.ended_at is not null, "
    "w.log_no is not null from unnest($1::text[]) t(log_id) "
    "left join heads h on h.log_id = t.log_id "
    "left join active w on w.log_no = h.log_no "
    "left join lateral (select f.last from facts f "
    "where f.log_no = h.log_no order by f.first desc limit 1) e on true"};

constexpr pg_statement orphans_sql{
    "verify_orphans",
    "select f.log_no, coalesce(w.log_id, '#' || f.log_no) from "
    "(select distinct log_no from facts) f left join active w using (log_no) "
    "where not exists (select from heads h where h.log_no = f.log_no)"};

constexpr pg_statement family_sql{
    "verify_family",
    "with recursive family as (select $1::text collate \"C\" as log_id union "
    "select h.log_id from heads h join family f on h.parent = f.log_id "
    "and h.parent <> '') "
    "select f.log_id from family f where exists (select from heads h "
    "where h.log_id = f.log_id) order by f.log_id"};

/// The end of the log is that of its last row.
constexpr pg_statement head_sql{
    "verify_head",
    "select h.log_no, h.version, h.chain, e.last, e.chain, s.epoch, h.status, "
    "h.kind, h.parent, h.tenant, h.user_id, h.session, b.first, h.base_first, "
    "h.base_chain, h.base_version, h.summary, w.log_no is not null, w.idle, "
    "w.wake_at, h.ended_at from heads h left join shards s "
    "on s.shard = $2::int2 left join active w on w.log_no = h.log_no "
    "left join lateral (select f.last, f.chain from facts f "
    "where f.log_no = h.log_no order by f.first desc limit 1) e on true "
    "left join lateral (select f.first from facts f "
    "where f.log_no = h.log_no order by f.first limit 1) b on true "
    "where h.log_id = $1::text"};

constexpr pg_statement page_sql{
    "verify_page", "select first, last, epoch, at, chain, facts from facts "
                   "where log_no = $1::int8 and first > $2::int8 "
                   "order by first limit $3::int8"};

constexpr pg_statement references_sql{
    "verify_references", "select hash from blob_refs where log_no = $1::int8"};

/// The same three by the log's id, so that none waits for another's answer.
constexpr pg_statement short_page_sql{
    "verify_short_page",
    "select f.first, f.last, f.epoch, f.at, f.chain, f.facts from heads h "
    "join facts f on f.log_no = h.log_no where h.log_id = $1::text "
    "order by f.first limit $2::int8"};
constexpr pg_statement has_references_sql{
    "verify_has_references",
    "select r.hash from heads h join blob_refs r on r.log_no = h.log_no "
    "where h.log_id = $1::text limit 1"};

constexpr pg_statement bodies_sql{"verify_bodies",
                                  "select hash, codec, size, bytes from blobs "
                                  "where hash = any($1::bytea[])"};

constexpr pg_statement shard_count_sql{"why_shards",
                                       "select count(*) from shards"};
constexpr pg_statement owner_sql{"why_owner",
                                 "select s.owner, s.epoch, s.claimed_at, "
                                 "(extract(epoch from n.expires_at - now()) "
                                 "* 1e6)::int8 from shards s left join nodes n "
                                 "on n.name || '#' || n.incarnation = s.owner "
                                 "where s.shard = $1::int2"};

/// Bodies read at a time: each may be some MiB.
constexpr std::size_t contents_rows = 16;

/// Ids read at a time.
constexpr std::int64_t ids_rows = 512;
constexpr std::size_t children_rows = 1'000;

template <class T>
tl::unexpected<error> pass_on(result<T>& bad) {
  return tl::unexpected<error>{std::move(bad.error())};
}

std::int64_t unix_us(store::pg::time at) {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             at.time_since_epoch())
      .count();
}

bool is_true(const store::pg_rows& rows, int row, int column) {
  return !rows.null(row, column)
         && rows.bytes(row, column) == std::string_view{"\1", 1};
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

/// What is stored there; nothing if that cannot be unpacked.
std::optional<std::string> body_at(const store::pg_rows& rows, int i) {
  auto body = store::unpack_body(
      static_cast<store::body_codec>(rows.int2(i, 1)), rows.bytes(i, 3),
      static_cast<std::uint64_t>(rows.int8(i, 2)));
  if (!body)
    return std::nullopt;
  return std::move(*body);
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
  history_reader made{std::move(*db)};
  auto shards = made.db_.run(shards_sql, {});
  if (!shards)
    return pass_on(shards);
  made.shards_ = static_cast<std::uint32_t>(shards->int8(0, 0));
  auto alive = made.db_.run(
      alive_sql, {store::pg::from_int8(history::overdue_max.count())});
  if (!alive)
    return pass_on(alive);
  if (!alive->null(0, 0))
    made.alive_us_ = unix_us(alive->time(0, 0));
  return made;
}

result<std::optional<log_id>> history_reader::next(const log_id& log) {
  if (!orphans_) {
    while (!ahead_.empty() && !(log < ahead_.front()))
      ahead_.pop_front();
    if (ahead_.empty()) {
      auto rows
          = db_.run(next_sql, {log.value, store::pg::from_int8(ids_rows)});
      if (!rows)
        return pass_on(rows);
      for (int i = 0; i < rows->size(); ++i)
        ahead_.emplace_back(rows->text(i, 0));
    }
    if (!ahead_.empty())
      return std::optional{ahead_.front()};
    if (auto found = find_orphans(); !found)
      return pass_on(found);
    if (!orphans_->empty())
      return std::optional{orphans_->begin()->first};
    return std::optional<log_id>{};
  }
  auto next = orphans_->upper_bound(log);
  if (next == orphans_->end())
    return std::optional<log_id>{};
  return std::optional{next->first};
}

result<void> history_reader::find_orphans() {
  auto rows = db_.run(orphans_sql, {});
  if (!rows)
    return pass_on(rows);
  orphans_.emplace();
  for (int i = 0; i < rows->size(); ++i)
    orphans_->emplace(log_id{rows->text(i, 1)}, rows->int8(i, 0));
  return {};
}

result<std::vector<log_id>> history_reader::family(const log_id& log) {
  auto rows = db_.run(family_sql, {log.value});
  if (!rows)
    return pass_on(rows);
  std::vector<log_id> all;
  for (int i = 0; i < rows->size(); ++i)
    all.emplace_back(rows->text(i, 0));
  if (all.empty()) {
    if (!orphans_)
      if (auto found = find_orphans(); !found)
        return pass_on(found);
    if (orphans_->count(log) == 0)
      return fail(errc::not_found, log.value + ": no such log");
    all.push_back(log);
  }
  return all;
}

result<std::uint64_t> history_reader::check(const log_id& log,
                                            const history::finding_sink& sink) {
  auto short_log = check_short(log, sink);
  if (!short_log)
    return pass_on(short_log);
  if (*short_log)
    return **short_log;
  if (auto begun = db_.exec("begin"); !begun)
    return pass_on(begun);
  position at;
  auto top = head(log, at);
  if (!top)
    return pass_on(top);
  // Deleted since it was listed: that is no damage.
  auto orphan = orphans_ && orphans_->count(log) != 0;
  if (!*top && !orphan) {
    if (auto ended = db_.exec("commit"); !ended)
      return pass_on(ended);
    return fail(errc::not_found, log.value + ": no such log");
  }
  auto known = *top ? std::optional{(*top)->row} : std::nullopt;
  history::log_checker checker{log, known, sink};
  auto read = each_page(at, [&](const auto& rows) -> result<void> {
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
  check_passed(at, sink);
  if (auto done = check_children(checker); !done)
    return pass_on(done);
  if (auto ended = db_.exec("commit"); !ended)
    return pass_on(ended);
  return checker.facts();
}

/// Most logs are read in one round trip. Nothing if this one is not: it is
/// long, or what it refers to must be of the same snapshot.
result<std::optional<std::uint64_t>>
history_reader::check_short(const log_id& log,
                            const history::finding_sink& sink) {
  auto shard = static_cast<std::int16_t>(store::shard_of(log, shards_));
  auto sent
      = db_.queue(head_sql, {log.value, store::pg::from_int2(shard)})
            .and_then(
                [&] { return db_.queue(has_references_sql, {log.value}); })
            .and_then([&] {
              return db_.queue(short_page_sql,
                               {log.value, store::pg::from_int8(page_rows)});
            });
  if (!sent)
    return pass_on(sent);
  auto got = db_.sync();
  if (!got)
    return pass_on(got);
  const auto& [top, references, rows]
      = std::tie((*got)[0], (*got)[1], (*got)[2]);
  if (top.size() == 0 || references.size() != 0 || rows.size() == page_rows)
    return std::optional<std::uint64_t>{};
  position at;
  at.log = log;
  auto known = head_at(top, at);
  if (known.trimmed)
    return std::optional<std::uint64_t>{};
  std::vector<history::finding> found;
  history::log_checker checker{log, known.row, [&](history::finding one) {
                                 found.push_back(std::move(one));
                               }};
  for (const auto& row : rows_at(rows, at))
    checker.take(row, {});
  checker.finish();
  check_passed(at,
               [&](history::finding one) { found.push_back(std::move(one)); });
  if (!checker.children().empty())
    return std::optional<std::uint64_t>{};
  for (auto& one : found)
    sink(std::move(one));
  return std::optional{checker.facts()};
}

/// Where the head names an end beyond the last fact, the checker has said so.
void history_reader::check_passed(const position& at,
                                  const history::finding_sink& sink) {
  if (at.named && !at.passed && at.named->version <= at.tail.version)
    sink({at.log, at.named->version, history::rule::head,
          "an append that ends at version " + std::to_string(at.named->version)
              + " as the head says",
          "another"});
}

result<void> history_reader::check_children(history::log_checker& checker) {
  const auto& all = checker.children();
  for (auto at = all.begin(); at != all.end();) {
    store::pg::array some{store::pg::type::text};
    for (std::size_t n = 0; at != all.end() && n < children_rows; ++at, ++n)
      some.add(at->first);
    auto rows = db_.run(children_sql, {some.take()});
    if (!rows)
      return pass_on(rows);
    for (int i = 0; i < rows->size(); ++i) {
      history::child_row child;
      child.log.value = rows->text(i, 0);
      if (!rows->null(i, 1)) {
        child.parent = log_id{rows->text(i, 1)};
        child.version = rows->null(i, 2) ? 0 : rows->int4(i, 2);
        child.is_agent = rows->text(i, 3) == "agent";
        child.ended = is_true(*rows, i, 4);
        child.active = is_true(*rows, i, 5);
      }
      checker.take_child(child);
    }
  }
  return {};
}

result<void> history_reader::each_page(
    position& at,
    const std::function<result<void>(const std::vector<history::log_row>&)>&
        take) {
  for (;;) {
    auto rows = page(at);
    if (!rows)
      return pass_on(rows);
    if (rows->empty())
      return {};
    if (auto taken = take(*rows); !taken)
      return taken;
  }
}

// -- carrying a log away ------------------------------------------------------

result<history_reader::exported>
history_reader::export_log(const log_id& log, std::ostream& out,
                           const history::redactor* taken_out) {
  if (auto begun = db_.exec("begin"); !begun)
    return pass_on(begun);
  position at;
  auto top = head(log, at);
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
    header.base = (*top)->row.base;
    if (taken_out)
      header.birth = taken_out->take_out(header.birth);
  }
  history::export_writer writer{out};
  writer.begin(header);
  std::set<store::blob_hash> hashes;
  auto found = header.base;
  auto redacted = header.base.chain; // Checksums are of what the file holds.
  auto read = each_page(at, [&](const auto& rows) -> result<void> {
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
    auto rows = db_.run(bodies_sql, {some.take()});
    if (!rows)
      return pass_on(rows);
    for (int i = 0; i < rows->size(); ++i) {
      auto body = body_at(*rows, i).value_or(std::string{});
      if (workflow::sha256(body) != rows->bytes(i, 0) && done.damage.empty())
        done.damage = "body " + kit::to_hex(rows->bytes(i, 0));
      writer.body(rows->text(i, 0), body);
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
  out.process = rows->text(0, 0);
  out.node = cluster::name_of(node_id{out.process});
  out.epoch = rows->int8(0, 1);
  if (!rows->null(0, 2))
    out.claimed_us = unix_us(rows->time(0, 2));
  if (!rows->null(0, 3))
    out.lease_left_us = rows->int8(0, 3);
  return out;
}

// -- rows ---------------------------------------------------------------------

result<std::optional<history_reader::full_head>>
history_reader::head(const log_id& log, position& at) {
  at.log = log;
  auto shard = static_cast<std::int16_t>(store::shard_of(log, shards_));
  auto rows = db_.run(head_sql, {log.value, store::pg::from_int2(shard)});
  if (!rows)
    return pass_on(rows);
  if (rows->size() == 0) {
    auto orphan = orphans_ ? orphans_->find(log) : decltype(orphans_->end()){};
    at.number = orphans_ && orphan != orphans_->end()
                    ? orphan->second
                    : std::numeric_limits<std::int64_t>::max();
    if (auto found = find_bodies(at); !found)
      return pass_on(found);
    return std::optional<full_head>{};
  }
  auto out = head_at(*rows, at);
  if (out.trimmed)
    if (auto found = find_base(at, *out.trimmed, out.row.base); !found)
      return pass_on(found);
  if (auto found = find_bodies(at); !found)
    return pass_on(found);
  return std::optional{std::move(out)};
}

history_reader::full_head history_reader::head_at(const store::pg_rows& rows,
                                                  position& at) const {
  auto tail_at = [&](int version, int chain) {
    return store::log_tail{rows.int4(0, version),
                           static_cast<std::uint64_t>(rows.int8(0, chain)),
                           {}};
  };
  full_head out;
  at.number = rows.int8(0, 0);
  at.named = tail_at(1, 2);
  out.row.tail = *at.named;
  if (!rows.null(0, 3) && rows.int4(0, 3) >= at.named->version)
    out.row.tail = tail_at(3, 4);
  out.row.epoch = rows.null(0, 5) ? 0 : rows.int8(0, 5);
  out.row.status = static_cast<store::log_status>(rows.int2(0, 6));
  out.birth
      = {rows.text(0, 7), log_id{rows.text(0, 8)}, tenant_id{rows.text(0, 9)},
         user_id{rows.text(0, 10)}, session_id{rows.text(0, 11)}};
  // What came before the last RunContinued may be gone.
  auto trimmed = !rows.null(0, 12) && !rows.null(0, 13)
                 && rows.int4(0, 12) == rows.int4(0, 13);
  if (trimmed)
    out.trimmed = rows.int4(0, 15);
  at.tail = out.trimmed
                ? store::log_tail{rows.int4(0, 13) - 1,
                                  static_cast<std::uint64_t>(rows.int8(0, 14)),
                                  {}}
                : store::log_tail{
                    0, at.number < 0 ? 0 : store::chain_origin(at.log), {}};
  out.row.base = at.tail;
  out.row.summary = rows.text(0, 16);
  out.row.has_parent = !out.birth.parent.empty();
  if (is_true(rows, 0, 17)) {
    out.row.schedule = store::log_schedule{is_true(rows, 0, 18), {}};
    if (!rows.null(0, 19))
      out.row.schedule->wake_at = rows.time(0, 19);
  }
  if (!rows.null(0, 20))
    out.row.ended_us = unix_us(rows.time(0, 20));
  out.row.alive_us = alive_us_;
  return out;
}

/// The append that holds the RunContinued may begin with facts before it. They
/// are kept with it, and are no part of the log any more.
result<void> history_reader::find_base(position& at, log_version begun_anew,
                                       store::log_tail& base) {
  at.from = begun_anew;
  auto rows = db_.run(page_sql, {store::pg::from_int8(at.number),
                                 store::pg::from_int8(base.version),
                                 store::pg::from_int8(1)});
  if (!rows)
    return pass_on(rows);
  if (rows->size() == 0)
    return {};
  auto count
      = static_cast<std::size_t>(rows->int4(0, 1) - rows->int4(0, 0) + 1);
  auto facts = store::unpack_facts(rows->bytes(0, 5), count);
  for (std::size_t i = 0; facts && base.version + 1 < begun_anew && i < count;
       ++i) {
    ++base.version;
    base.chain = store::chain(base.chain, base.version, (*facts)[i]);
  }
  return {};
}

result<void> history_reader::find_bodies(position& at) {
  auto rows = db_.run(references_sql, {store::pg::from_int8(at.number)});
  if (!rows)
    return pass_on(rows);
  for (int i = 0; i < rows->size(); ++i)
    at.bodies.insert(rows->text(i, 0));
  return {};
}

result<std::vector<history::log_row>> history_reader::page(position& at) {
  auto rows = db_.run(page_sql, {store::pg::from_int8(at.number),
                                 store::pg::from_int8(at.tail.place.row),
                                 store::pg::from_int8(page_rows)});
  if (!rows)
    return pass_on(rows);
  return rows_at(*rows, at);
}

std::vector<history::log_row>
history_reader::rows_at(const store::pg_rows& rows, position& at) {
  std::vector<history::log_row> out;
  for (int i = 0; i < rows.size(); ++i) {
    auto first = rows.int4(i, 0);
    auto last = rows.int4(i, 1);
    auto stored = static_cast<std::uint64_t>(rows.int8(i, 4));
    auto facts = store::unpack_facts(
        rows.bytes(i, 5), static_cast<std::size_t>(last - first + 1));
    // What cannot be taken apart is shown as one fact, which it is not.
    if (!facts)
      facts = std::vector{rows.bytes(i, 5)};
    auto sum = first == at.tail.version + 1 ? at.tail.chain : 0;
    for (std::size_t n = 0; n < facts->size(); ++n) {
      auto version = first + static_cast<log_version>(n);
      // Only the last one's is stored: it covers those before it.
      sum = store::chain(sum, version, (*facts)[n]);
      if (version < at.from)
        continue;
      auto& row = out.emplace_back();
      row.version = version;
      row.epoch = rows.int4(i, 2);
      row.recorded_us = unix_us(rows.time(i, 3));
      row.fact = (*facts)[n];
      row.checksum = n + 1 == facts->size() ? stored : sum;
      facts::Fact fact;
      const auto* body = fact.ParseFromString(row.fact)
                             ? history::reference_of(fact)
                             : nullptr;
      if (body && at.bodies.count(*body) != 0)
        row.bodies.push_back(*body);
    }
    at.tail = {last, stored, {0, first, {}}};
    if (at.named && at.named->version == last)
      at.passed = at.named->chain == stored;
  }
  return out;
}

result<history::stored_bodies>
history_reader::bodies(const std::vector<history::log_row>& page) {
  std::set<store::blob_hash> wanted;
  for (const auto& row : page)
    wanted.insert(row.bodies.begin(), row.bodies.end());
  history::stored_bodies out;
  for (auto at = wanted.begin(); at != wanted.end();) {
    store::pg::array some{store::pg::type::bytea};
    for (std::size_t n = 0; at != wanted.end() && n < contents_rows; ++at, ++n)
      some.add(*at);
    auto rows = db_.run(bodies_sql, {some.take()});
    if (!rows)
      return pass_on(rows);
    for (int i = 0; i < rows->size(); ++i) {
      auto body = body_at(*rows, i);
      out.emplace(rows->text(i, 0),
                  body ? workflow::sha256(*body) : std::string{});
    }
  }
  return out;
}

} // namespace shannon::commands
