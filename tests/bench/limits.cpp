#include "tests/bench/limits.hpp"

#include "actors/store/pg_connection.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

namespace shannon::bench {

namespace {

const store::pg_statement insert_rows{
    "bench_rows",
    "insert into bench_limits (log_id, version, epoch, at, checksum, fact) "
    "select log_id, version, 1, statement_timestamp(), version, fact "
    "from unnest($1::text[], $2::bigint[], $3::bytea[]) "
    "as t (log_id, version, fact)"};

const char* const make_table
    = "create table if not exists bench_limits ("
      "log_id text collate \"C\" not null, version bigint not null, "
      "epoch bigint not null, at timestamptz not null, "
      "checksum bigint not null, fact bytea not null, "
      "primary key (log_id, version))";

/// Writers of this process; their logs must differ.
std::atomic<std::uint64_t> writers{0};

/// Adds a fact to each of `group` logs of its own, once a commit.
class row_writer {
public:
  row_writer(store::pg_connection& db, int group) : db_(db) {
    auto number = std::to_string(++writers);
    for (int i = 0; i < group; ++i)
      logs_.push_back("limit-" + number + "-" + std::to_string(i));
  }

  std::uint64_t commit() {
    ++version_;
    store::pg::array logs{store::pg::type::text};
    store::pg::array versions{store::pg::type::int8};
    store::pg::array facts{store::pg::type::bytea};
    for (const auto& log : logs_) {
      logs.add(log);
      versions.add_int8(version_);
      facts.add(body_);
    }
    return db_.run(insert_rows, {logs.take(), versions.take(), facts.take()})
               ? logs_.size()
               : 0;
  }

private:
  store::pg_connection& db_;
  std::vector<std::string> logs_;
  std::int64_t version_ = 0;
  std::string body_ = std::string(200, 'x');
};

} // namespace

result<limits> limits::open(std::string dsn) {
  auto db = store::pg_connection::open({dsn});
  if (!db)
    return tl::unexpected(db.error());
  // Left by a process before this one, with logs of the same names.
  if (auto made = db->exec("drop table if exists bench_limits"); !made)
    return tl::unexpected(made.error());
  if (auto made = db->exec(make_table); !made)
    return tl::unexpected(made.error());
  return limits{std::move(dsn)};
}

double limits::commits_per_second(int connections,
                                  std::chrono::milliseconds time) {
  return insert(connections, 1, time);
}

double limits::rows_per_second(int group, std::chrono::milliseconds time) {
  double best = 0;
  for (int connections : {1, 2, 4})
    best = std::max(best, insert(connections, group, time / 3));
  return best;
}

double limits::insert(int connections, int group,
                      std::chrono::milliseconds time) {
  std::vector<std::uint64_t> counts(static_cast<std::size_t>(connections));
  std::vector<std::thread> threads;
  std::atomic<bool> go{false};
  std::atomic<int> ready{0};
  std::chrono::steady_clock::time_point until;
  for (auto& count : counts)
    threads.emplace_back([&] {
      auto db = store::pg_connection::open({dsn_});
      std::optional<row_writer> writer;
      if (db)
        writer.emplace(*db, group).commit(); // prepared before the clock runs
      ++ready;
      while (!go)
        std::this_thread::yield();
      while (writer && std::chrono::steady_clock::now() < until)
        count += writer->commit();
    });
  while (ready < connections)
    std::this_thread::yield();
  until = std::chrono::steady_clock::now() + time;
  go = true;
  for (auto& thread : threads)
    thread.join();
  std::uint64_t total = 0;
  for (auto count : counts)
    total += count;
  return static_cast<double>(total)
         / std::chrono::duration<double>(time).count();
}

} // namespace shannon::bench
