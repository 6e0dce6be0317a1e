#pragma once

#include "actors/store/migrations.hpp"
#include "actors/store/pg_connection.hpp"
#include "tests/kit/postgres_fixture.hpp"

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace shannon::bench {

/// A private Postgres with the schema, and what its disk can do: the limit
/// every figure is held against.
class database {
public:
  database() : dsn_(test::fresh_database()) {
    auto db = store::pg_connection::open({dsn_});
    if (db)
      db->exec("create table shannon.bench_commits (n bigserial primary key, "
               "body bytea)");
  }

  const std::string& dsn() const noexcept {
    return dsn_;
  }

  /// Single-row inserts, one durable commit each, from `sessions` connections
  /// at once for `length`.
  double commits_per_second(int sessions, std::chrono::milliseconds length) {
    static const store::pg_statement insert{
        "bench_commit",
        "insert into shannon.bench_commits (body) values ($1::bytea)"};
    std::vector<std::uint64_t> counts(static_cast<std::size_t>(sessions));
    std::vector<std::thread> threads;
    auto until = std::chrono::steady_clock::now() + length;
    for (auto& count : counts)
      threads.emplace_back([this, &count, until] {
        auto db = store::pg_connection::open({dsn_});
        while (db && std::chrono::steady_clock::now() < until)
          count += db->run(insert, {std::string(200, 'x')}).has_value();
      });
    for (auto& thread : threads)
      thread.join();
    std::uint64_t total = 0;
    for (auto count : counts)
      total += count;
    return static_cast<double>(total)
           / std::chrono::duration<double>(length).count();
  }

private:
  std::string dsn_;
};

} // namespace shannon::bench
