// A claim and an append at the same time: one of them is first, whatever is
// stopped in between. docs/decisions/0006-one-row-per-append.md has the
// argument.

#include "actors/store/group_statements.hpp"
#include "tests/kit/postgres_fixture.hpp"
#include "tests/store/sql.hpp"
#include "tests/store/store_client.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

namespace shannon::store {

namespace {

using namespace std::chrono_literals;
using test::birth_of;
using test::connect;
using test::next_of;
using test::run_sql;
using test::store_node;

/// Somebody waits for an advisory lock in this database.
bool somebody_waits(pg_connection& db) {
  auto rows
      = run_sql(db, "select count(*) from pg_locks where not granted "
                    "and locktype = 'advisory' and database = (select oid "
                    "from pg_database where datname = current_database())");
  return rows.text(0, 0) != "0";
}

void await_waiter(pg_connection& db) {
  auto until = std::chrono::steady_clock::now() + 10s;
  while (!somebody_waits(db))
    REQUIRE(std::chrono::steady_clock::now() < until);
}

std::string locks(const char* function) {
  return std::string{"select "} + function + "("
         + std::to_string(static_cast<std::int32_t>(lock_class::shard))
         + ", shard) from shards";
}

} // namespace

TEST_CASE("a claim leaves a shard alone to which an append has begun") {
  auto dsn = test::fresh_database();
  store_node old{dsn};
  REQUIRE(old.claim("old"));
  REQUIRE(old.ask<append_receipt>(birth_of("task-1")));
  auto session = connect(dsn);
  // An append of the old owner that is stopped between its lock and its end.
  run_sql(session, "begin");
  run_sql(session, locks("pg_advisory_xact_lock_shared") + " where shard = 7");
  store_node young{dsn};
  auto claimed = young.claim("young");
  REQUIRE(claimed);
  // It holds up no other shard.
  CHECK(claimed->shards.size() == 255);
  auto early
      = std::count_if(claimed->shards.begin(), claimed->shards.end(),
                      [](const auto& granted) { return granted.shard == 7; });
  CHECK(early == 0);
  run_sql(session, "commit");
  auto rest = young.claim("young");
  REQUIRE(rest);
  CHECK(rest->shards.size() == 256);
}

TEST_CASE("an append that waits for a claim is fenced by it") {
  auto dsn = test::fresh_database();
  store_node old{dsn};
  REQUIRE(old.claim("old"));
  auto born = old.ask<append_receipt>(birth_of("task-1"));
  REQUIRE(born);
  auto session = connect(dsn);
  auto watch = connect(dsn);
  // A claim that is stopped before its end; the append is sent meanwhile.
  run_sql(session, "begin");
  run_sql(session, locks("pg_advisory_xact_lock"));
  auto late = old.start<append_receipt>(
      next_of("task-1", born->tail, "written by an owner of the past"));
  await_waiter(watch);
  CHECK(late.wait_for(0s) == std::future_status::timeout);
  run_sql(session, "update shards set epoch = epoch + 1");
  run_sql(session, "commit");
  auto got = late.get();
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::fenced);
  auto page = old.ask<fact_page>(read_facts{log_id{"task-1"}, 0, 10});
  REQUIRE(page);
  CHECK(page->facts.size() == 1);
}

} // namespace shannon::store
