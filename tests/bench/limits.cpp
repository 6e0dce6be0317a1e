#include "tests/bench/limits.hpp"

#include "actors/store/pg_connection.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace shannon::bench {

namespace {

const store::pg_statement one_row{
    "bench_row", "insert into bench_limits (body) values ($1::bytea)"};
const store::pg_statement many_rows{
    "bench_rows", "insert into bench_limits (body) select unnest($1::bytea[])"};

const std::string body(200, 'x');

} // namespace

result<limits> limits::open(std::string dsn) {
  auto db = store::pg_connection::open({dsn});
  if (!db)
    return tl::unexpected(db.error());
  if (auto made = db->exec("create table if not exists bench_limits "
                           "(id bigserial primary key, body bytea not null)");
      !made)
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
      auto add = [&]() -> std::uint64_t {
        if (group == 1)
          return db->run(one_row, {body}).has_value();
        store::pg::array bodies{store::pg::type::bytea};
        for (int i = 0; i < group; ++i)
          bodies.add(body);
        return db->run(many_rows, {bodies.take()}).has_value()
                   ? static_cast<std::uint64_t>(group)
                   : 0;
      };
      if (db)
        add(); // prepared before the clock runs
      ++ready;
      while (!go)
        std::this_thread::yield();
      while (db && std::chrono::steady_clock::now() < until)
        count += add();
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
