#include "actors/store/retention.hpp"

#include "actors/store/group_statements.hpp"
#include "actors/store/migrations.hpp"
#include "actors/store/retention_statements.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <thread>
#include <utility>

namespace shannon::store {

namespace {

using namespace std::chrono_literals;

/// Logs found by one look, which may read all heads.
constexpr std::int64_t look_rows = 10'000;

/// Bodies in one transaction, which holds off appends with bodies of the same
/// first byte.
constexpr std::int64_t bodies_max = 64;

/// A look goes through heads for as long as that takes.
constexpr auto look_timeout = 5min;

template <class T>
tl::unexpected<error> pass_on(result<T>& bad) {
  return tl::unexpected<error>{std::move(bad.error())};
}

std::uint64_t count_at(const pg_rows& rows, int column) {
  return static_cast<std::uint64_t>(rows.int8(0, column));
}

/// The number of a part by its table's name; nothing for another table.
std::optional<std::int64_t> part_number(std::string_view table) {
  if (table == part_table(-1))
    return -1;
  constexpr std::string_view prefix = "facts_";
  std::int64_t number = 0;
  if (!table.starts_with(prefix))
    return std::nullopt;
  table.remove_prefix(prefix.size());
  const auto* end = table.data() + table.size();
  auto [at, failed] = std::from_chars(table.data(), end, number);
  if (failed != std::errc{} || at != end)
    return std::nullopt;
  return number;
}

} // namespace

result<swept> retention_sweep::run() {
  auto done = open();
  if (done)
    done = options_.dry_run ? count()
                            : take_turn().and_then([&] { return sweep(); });
  // The turn ends before this returns; else the next sweep would find it taken.
  if (turn_ && turn_->still_there())
    turn_->exec("commit");
  db_.reset();
  turn_.reset();
  if (!done)
    return pass_on(done);
  return done_;
}

result<pg_connection> retention_sweep::connect(const std::string& more) const {
  pg_options options;
  options.dsn = options_.store.dsn;
  options.connect_timeout = options_.store.connect_timeout;
  options.statement_timeout = std::max<std::chrono::milliseconds>(
      options_.store.statement_timeout, look_timeout);
  options.lock_timeout = lock_patience;
  options.settings = more;
  options.keep_waiting = options_.go_on;
  return pg_connection::open(std::move(options));
}

result<void> retention_sweep::open() {
  // Nobody waits for a sweep: what a crash takes back is swept again.
  // Sessions stand behind the tenants' wall; it looks at those of all.
  std::string settings = "set shannon.tenant = '*';";
  settings += options_.dry_run
                  ? "set default_transaction_read_only = on"
                  : "set synchronous_commit = off;"
                    "set enable_seqscan = off; set enable_hashjoin = off;"
                    "set enable_mergejoin = off";
  auto db = connect(settings);
  if (!db)
    return pass_on(db);
  db_.emplace(std::move(*db));
  return check_schema(*db_);
}

result<void> retention_sweep::take_turn() {
  auto turn = connect("set idle_in_transaction_session_timeout = 0");
  if (!turn)
    return pass_on(turn);
  auto got = turn->exec(retention_sql::take_turn);
  if (!got)
    return pass_on(got);
  if (got->text(0, 0) != "t")
    return fail(errc::conflict, "another sweep is under way", true);
  turn_.emplace(std::move(*turn));
  return {};
}

result<void> retention_sweep::pause() {
  auto until = clock::now() + options_.keep.batch_pause;
  for (;;) {
    if (options_.go_on && !options_.go_on())
      return fail(errc::cancelled, "the sweep was told to end");
    auto left = until - clock::now();
    if (left <= left.zero())
      break;
    std::this_thread::sleep_for(std::min<clock::duration>(left, 50ms));
  }
  if (!turn_->still_there())
    return fail(errc::unavailable,
                "database: the connection that holds the turn is lost", true);
  return {};
}

// -- counting -----------------------------------------------------------------

result<void> retention_sweep::count() {
  auto add = [&](const pg_statement& what, std::chrono::milliseconds keep,
                 std::uint64_t& logs) -> result<void> {
    if (keep == 0ms)
      return {};
    auto rows = db_->run(what, {pg::from_int8(keep.count())});
    if (!rows)
      return pass_on(rows);
    logs = count_at(*rows, 0);
    done_.appends += count_at(*rows, 1);
    done_.bytes += count_at(*rows, 2);
    return {};
  };
  const auto& keep = options_.keep;
  return add(retention_sql::count_due, keep.keep_ended, done_.logs)
      .and_then([&] {
        return add(retention_sql::count_trim, keep.keep_continued,
                   done_.trimmed);
      })
      .and_then([&]() -> result<void> {
        if (keep.keep_ended == 0ms)
          return {};
        auto rows = db_->run(retention_sql::count_sessions,
                             {pg::from_int8(keep.keep_ended.count())});
        if (!rows)
          return pass_on(rows);
        done_.sessions = count_at(*rows, 0);
        return {};
      });
}

// -- logs ---------------------------------------------------------------------

result<void> retention_sweep::sweep() {
  const auto& keep = options_.keep;
  return in_batches(retention_sql::due, retention_sql::remove, keep.keep_ended,
                    done_.logs)
      .and_then([&] {
        return in_batches(retention_sql::due_for_trim, retention_sql::trim,
                          keep.keep_continued, done_.trimmed);
      })
      .and_then([&] { return end_sessions(); })
      .and_then([&] { return collect_bodies(); })
      .and_then([&] { return drop_parts(); });
}

/// Until a look finds nothing, or nothing that could be acted on: what others
/// started is due only when those are gone.
result<void> retention_sweep::in_batches(const pg_statement& find,
                                         const pg_statement& act,
                                         std::chrono::milliseconds keep,
                                         std::uint64_t& counted) {
  if (keep == 0ms)
    return {};
  for (std::uint64_t moved = 1; moved != 0;) {
    moved = 0;
    auto found = look(find, keep);
    if (!found)
      return pass_on(found);
    for (auto at = found->begin(); at != found->end();) {
      std::vector<std::string> batch;
      std::uint64_t appends = 0;
      while (at != found->end() && batch.size() < options_.keep.batch_logs
             && (batch.empty()
                 || appends + at->appends <= options_.keep.batch_appends)) {
        appends += at->appends;
        batch.push_back(std::move(at->log));
        ++at;
      }
      auto logs = act_on(act, keep, batch);
      if (!logs)
        return pass_on(logs);
      moved += *logs;
      counted += *logs;
      if (auto on = pause(); !on)
        return on;
    }
  }
  return {};
}

result<std::vector<retention_sweep::candidate>>
retention_sweep::look(const pg_statement& find,
                      std::chrono::milliseconds keep) {
  auto rows
      = db_->run(find, {pg::from_int8(keep.count()), pg::from_int8(look_rows)});
  if (!rows)
    return pass_on(rows);
  std::vector<candidate> out;
  for (int i = 0; i < rows->size(); ++i)
    out.push_back(
        {rows->text(i, 0), static_cast<std::uint64_t>(rows->int4(i, 1))});
  return out;
}

result<std::uint64_t>
retention_sweep::act_on(const pg_statement& act, std::chrono::milliseconds keep,
                        const std::vector<std::string>& logs) {
  pg::array ids{pg::type::text};
  for (const auto& log : logs)
    ids.add(log);
  auto rows = db_->run(act, {pg::from_int8(keep.count()), ids.take()});
  if (!rows)
    return pass_on(rows);
  done_.appends += count_at(*rows, 1);
  done_.bytes += count_at(*rows, 2);
  return count_at(*rows, 0);
}

// -- sessions -----------------------------------------------------------------

result<void> retention_sweep::end_sessions() {
  const auto& keep = options_.keep;
  if (keep.keep_ended == 0ms)
    return {};
  std::string at = "-infinity";
  std::string tenant;
  std::string id;
  for (bool more = true; more;) {
    auto rows = db_->run(retention_sql::sessions,
                         {pg::from_int8(keep.keep_ended.count()), at, tenant,
                          id, pg::from_int8(keep.batch_logs)});
    if (!rows)
      return pass_on(rows);
    if (rows->size() == 0)
      return {};
    auto gone = count_at(*rows, 0);
    done_.sessions += gone;
    more = rows->bytes(0, 1) == std::string_view{"\1", 1};
    at = rows->text(0, 2);
    tenant = rows->text(0, 3);
    id = rows->text(0, 4);
    // Those that stay cost a look only.
    if (gone == 0)
      continue;
    if (auto on = pause(); !on)
      return on;
  }
  return {};
}

// -- bodies -------------------------------------------------------------------

result<void> retention_sweep::collect_bodies() {
  for (std::string after;;) {
    auto rows
        = db_->run(retention_sql::noted, {after, pg::from_int8(bodies_max)});
    if (!rows)
      return pass_on(rows);
    if (rows->size() == 0)
      return {};
    // Those of one lock at a time.
    std::vector<std::string> hashes;
    for (int i = 0; i < rows->size(); ++i)
      if (rows->bytes(i, 0).front() == rows->bytes(0, 0).front())
        hashes.push_back(rows->text(i, 0));
    after = hashes.back();
    if (auto done = collect(hashes); !done)
      return done;
    if (auto on = pause(); !on)
      return on;
  }
}

/// The lock comes in a statement of its own: what looks for references then
/// sees all that was committed before it was had.
result<void> retention_sweep::collect(const std::vector<std::string>& hashes) {
  pg::array all{pg::type::bytea};
  for (const auto& hash : hashes)
    all.add(hash);
  auto which = static_cast<std::int32_t>(lock_class::bodies);
  auto key = static_cast<unsigned char>(hashes.front().front());
  auto sent = db_->queue(retention_sql::lock_bodies,
                         {pg::from_int4(which), pg::from_int4(key)})
                  .and_then([&] {
                    return db_->queue(retention_sql::collect, {all.take()});
                  });
  if (!sent)
    return sent;
  auto got = db_->sync();
  if (!got && db_->usable() && got.error().code == errc::unavailable) {
    // An append holds this lock for long: the notes stay for the next sweep.
    done_.bodies_left += hashes.size();
    return {};
  }
  if (!got)
    return pass_on(got);
  done_.bodies += count_at((*got)[1], 0);
  done_.bytes += count_at((*got)[1], 1);
  return {};
}

// -- parts --------------------------------------------------------------------

/// Numbers are handed out in order, and a writer uses none that it was given
/// more than 10 minutes ago. So where a later part has a row that is an hour
/// old, nobody will write a new log into an earlier one; and to a log that is
/// there nobody can write where there is none.
result<void> retention_sweep::drop_parts() {
  auto rows = db_->run(retention_sql::parts, {});
  if (!rows)
    return pass_on(rows);
  std::map<std::int64_t, std::string, std::greater<>> newest_first;
  for (int i = 0; i < rows->size(); ++i)
    if (auto number = part_number(rows->bytes(i, 0)))
      newest_first.emplace(*number, rows->text(i, 0));
  bool behind = false;
  for (const auto& [number, table] : newest_first) {
    auto found = db_->exec(retention_sql::look_into(table));
    if (!found)
      return pass_on(found);
    if (found->size() != 0) {
      behind = behind || found->text(0, 0) == "t";
      continue;
    }
    // No number below zero is handed out.
    if (!behind && number >= 0)
      continue;
    auto dropped = db_->exec(retention_sql::drop_if_empty(table));
    if (!db_->usable())
      return pass_on(dropped);
    if (!dropped) {
      // Somebody reads for long: at the next sweep again.
      if (auto back = db_->exec("rollback"); !back)
        return pass_on(back);
      continue;
    }
    done_.parts += static_cast<std::uint64_t>(dropped->size());
    if (auto on = pause(); !on)
      return on;
  }
  return {};
}

} // namespace shannon::store
