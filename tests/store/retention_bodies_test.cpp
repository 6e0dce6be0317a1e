// Bodies that logs share: deleted with the last that refers to them, whatever
// is born meanwhile.

#include "actors/kit/log.hpp"
#include "actors/store/group_statements.hpp"
#include "actors/store/retention_statements.hpp"
#include "actors/store/retention_sweeper.hpp"
#include "tests/store/retention_world.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>
#include <vector>

namespace shannon::store {

namespace {

using namespace std::chrono_literals;
using test::birth_of;
using test::connect;
using test::hash_of;
using test::retention_world;
using test::run_sql;
using test::with_body;

} // namespace

TEST_CASE("a body stays as long as a kept log refers to it") {
  retention_world it;
  it.append(with_body(it.ended("old"), hash_of('s'), "shared"));
  it.append(with_body(birth_of("open"), hash_of('s'), "shared"));
  it.days_pass(31);
  auto done = it.sweep();
  CHECK(done.logs == 1);
  CHECK(done.bodies == 0);
  auto image = it.node.ask<log_image>(open_log{log_id{"open"}});
  REQUIRE(image);
  CHECK(image->blobs.at(hash_of('s')) == "shared");
  it.check_whole();
}

namespace {

void await_waiter(pg_connection& db, const std::string& what) {
  auto until = std::chrono::steady_clock::now() + 10s;
  auto sql = "select count(*) from pg_stat_activity where datname = "
             "current_database() and wait_event_type = 'Lock' and wait_event = "
             "'"
             + what + "'";
  while (run_sql(db, sql).text(0, 0) == "0")
    REQUIRE(std::chrono::steady_clock::now() < until);
}

} // namespace

TEST_CASE("an append that was first keeps the body it shares") {
  retention_world it;
  it.append(with_body(it.ended("old"), hash_of('s'), "shared"));
  it.days_pass(31);
  // An append that holds its locks and has not decided: somebody is about to
  // write a head of this name.
  auto rival = connect(it.dsn);
  run_sql(rival, "begin; insert into heads select -7, 0, now(), now(), 1, 3, "
                 "'young', '', '', '', '', '', ''");
  auto born = it.node.start<append_receipt>(
      with_body(birth_of("young"), hash_of('s'), "shared"));
  await_waiter(it.db, "transactionid");
  auto done = it.sweep();
  CHECK(done.logs == 1);
  CHECK(done.bodies == 0);
  CHECK(done.bodies_left == 1);
  it.check_whole();
  run_sql(rival, "rollback");
  REQUIRE(born.get());
  CHECK(it.sweep().bodies == 0);
  auto image = it.node.ask<log_image>(open_log{log_id{"young"}});
  REQUIRE(image);
  CHECK(image->blobs.at(hash_of('s')) == "shared");
  CHECK(it.number("select count(*) from blob_refs where first = 0") == 0);
  it.check_whole();
}

TEST_CASE("an append that comes after a sweep stores the body again") {
  retention_world it;
  it.append(with_body(it.ended("old"), hash_of('s'), "shared"));
  it.days_pass(31);
  // The sweep's own statements, stopped between the deletion of the body and
  // its commit.
  auto session = connect(it.dsn);
  auto keep = pg::from_int8(std::chrono::milliseconds{24h}.count());
  pg::array logs{pg::type::text};
  logs.add("old");
  auto removed = session.run(retention_sql::remove, {keep, logs.take()});
  REQUIRE(removed);
  CHECK(removed->int8(0, 0) == 1);
  run_sql(session, "begin");
  auto which = static_cast<std::int32_t>(lock_class::bodies);
  REQUIRE(session.run(retention_sql::lock_bodies,
                      {pg::from_int4(which), pg::from_int4('s')}));
  pg::array hashes{pg::type::bytea};
  hashes.add(hash_of('s'));
  auto collected = session.run(retention_sql::collect, {hashes.take()});
  REQUIRE(collected);
  CHECK(collected->int8(0, 0) == 1);
  auto born = it.node.start<append_receipt>(
      with_body(birth_of("young"), hash_of('s'), "shared"));
  await_waiter(it.db, "advisory");
  run_sql(session, "commit");
  REQUIRE(born.get());
  auto image = it.node.ask<log_image>(open_log{log_id{"young"}});
  REQUIRE(image);
  CHECK(image->blobs.at(hash_of('s')) == "shared");
  it.check_whole();
}

TEST_CASE("logs that share bodies are born and swept at the same moments") {
  auto dsn = test::fresh_database();
  config::store_settings settings;
  settings.writers = 2; // Two transactions at a time.
  test::store_node node{dsn, settings};
  REQUIRE(node.claim());
  std::atomic<bool> stop{false};
  std::atomic<int> failed{0};
  std::vector<std::thread> crew;
  constexpr int threads = 4;
  constexpr int rounds = 500;
  for (int t = 0; t < threads; ++t)
    crew.emplace_back([&, t] {
      for (int i = 0; i < rounds; ++i) {
        // Bodies with one lock, each for a few logs, and then again.
        auto which = static_cast<char>('a' + i % 64 / 4);
        auto body = std::string{"body "} + which;
        auto hash = std::string(31, 's') + which;
        auto log = std::to_string(t) + "-" + std::to_string(i);
        auto what = with_body(birth_of(log), hash, body);
        if (i % 70 != 0)
          what.status = log_status::completed;
        if (!node.ask<append_receipt>(what))
          ++failed;
      }
    });
  auto db = connect(dsn);
  store::sweep_options options;
  options.store.dsn = dsn;
  options.keep.batch_pause = 0ms;
  std::uint64_t bodies = 0;
  std::thread sweeper{[&] {
    while (!stop) {
      run_sql(db, "update heads set created_at = created_at - interval "
                  "'60 days', ended_at = ended_at - interval '60 days' "
                  "where ended_at > now() - interval '1 day'");
      retention_sweep one{options};
      if (auto done = one.run(); !done) {
        ++failed;
        kit::log::error("sweep-failed", done.error().text);
      }
      bodies += one.so_far().bodies;
    }
  }};
  for (auto& one : crew)
    one.join();
  stop = true;
  sweeper.join();
  CHECK(failed == 0);
  CHECK(bodies > 0);
  auto count = [&](const char* sql) { return run_sql(db, sql).text(0, 0); };
  CHECK(count("select count(*) from blob_refs r where r.first <> 0 and not "
              "exists (select from blobs b where b.hash = r.hash)")
        == "0");
  for (int t = 0; t < threads; ++t)
    for (int i = 0; i < rounds; i += 70) {
      auto log = std::to_string(t) + "-" + std::to_string(i);
      auto image = node.ask<log_image>(open_log{log_id{log}});
      REQUIRE(image);
      CHECK(image->blobs.begin()->second
            == std::string{"body "} + static_cast<char>('a' + i % 64 / 4));
    }
}

} // namespace shannon::store
