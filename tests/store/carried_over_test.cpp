// A database that an earlier build has filled goes on under this one.

#include "actors/store/migrations.hpp"
#include "tests/kit/postgres_fixture.hpp"
#include "tests/store/sql.hpp"
#include "tests/store/store_client.hpp"

#include <catch2/catch.hpp>

namespace shannon::store {

namespace {

using test::connect;
using test::next_of;
using test::run_sql;
using test::store_node;

std::string quoted(std::uint64_t chain) {
  return std::to_string(static_cast<std::int64_t>(chain));
}

/// As migration 0001 laid it out: a row per fact, the end in the head.
void write_log(pg_connection& db, const std::string& log,
               const std::vector<std::string>& facts, bool ended,
               const std::string& wake_at = "null") {
  std::uint64_t sum = 0;
  log_version version = 0;
  for (const auto& fact : facts) {
    sum = chain(sum, ++version, fact);
    run_sql(db, "insert into facts values ('" + log + "', "
                    + std::to_string(version) + ", 1, now(), " + quoted(sum)
                    + ", '" + fact + "', "
                    + (version == 1 ? "array[sha256('a long body')]" : "null")
                    + ")");
  }
  run_sql(db,
          "insert into heads values ('" + log + "', " + std::to_string(version)
              + ", " + quoted(sum) + ", 1, " + (ended ? "3" : "1")
              + ", 'workflow', '', 'acme', 'ann', 's1', now(), now(), "
              + (ended ? "now()" : "null") + ", " + wake_at + ", 'a summary')");
}

} // namespace

TEST_CASE("logs of the first schema are carried over and go on") {
  auto dsn = test::postgres_server::shared().dsn(test::fresh_database_name());
  {
    auto db = connect(dsn);
    std::vector<migration> first{known_migrations().front()};
    REQUIRE(apply_migrations(db, first) == 1u);
    run_sql(db, "insert into blobs values (sha256('a long body'), now(), "
                "'a long body')");
    write_log(db, "task-done", {"born", "thought", "ended"}, true);
    write_log(db, "task-open", {"born", "thought"}, false,
              "'2030-01-01T00:00:00Z'");
  }
  auto rest = migrate(dsn);
  INFO((rest ? "" : rest.error().text));
  REQUIRE(rest == known_migrations().size() - 1);

  store_node node{dsn};
  REQUIRE(node.claim());
  auto done = node.ask<log_image>(open_log{log_id{"task-done"}});
  REQUIRE(done);
  REQUIRE(done->facts.size() == 3);
  CHECK(done->facts[2].bytes == "ended");
  CHECK(done->head.status == log_status::completed);
  CHECK(done->head.summary == "a summary");
  CHECK(done->head.birth.tenant == tenant_id{"acme"});
  REQUIRE(done->blobs.size() == 1);
  CHECK(done->blobs.begin()->second == "a long body");

  auto unfinished = node.ask<log_ids>(list_unfinished{"workflow", {}, 10});
  REQUIRE(unfinished);
  CHECK(unfinished->logs == std::vector{log_id{"task-open"}});

  auto open = node.ask<log_image>(open_log{log_id{"task-open"}});
  REQUIRE(open);
  CHECK(open->head.wake_at
        == std::chrono::system_clock::time_point{
            std::chrono::seconds{1'893'456'000}});
  auto more = node.ask<append_receipt>(
      next_of("task-open", open->head.tail, "went on"));
  REQUIRE(more);
  CHECK(more->tail.version == 3);
  auto again = node.ask<log_image>(open_log{log_id{"task-open"}});
  REQUIRE(again);
  REQUIRE(again->facts.size() == 3);
  CHECK(again->facts[2].bytes == "went on");
}

TEST_CASE("a carried over log that was damaged is not taken for a sound one") {
  auto dsn = test::postgres_server::shared().dsn(test::fresh_database_name());
  {
    auto db = connect(dsn);
    std::vector<migration> first{known_migrations().front()};
    REQUIRE(apply_migrations(db, first) == 1u);
    run_sql(db, "insert into blobs values (sha256('a long body'), now(), "
                "'a long body')");
    write_log(db, "task-bad", {"born", "thought"}, false);
    run_sql(db, "update facts set fact = 'forged' where version = 2");
  }
  REQUIRE(migrate(dsn));
  store_node node{dsn};
  REQUIRE(node.claim());
  auto bad = node.ask<log_image>(open_log{log_id{"task-bad"}});
  REQUIRE_FALSE(bad);
  CHECK_THAT(bad.error().text, Catch::Contains("fact 2"));
}

} // namespace shannon::store
