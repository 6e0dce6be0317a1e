// Sweeps that are killed, two at once, and sweeps beside readers.

#include "actors/kit/log.hpp"
#include "actors/store/group_statements.hpp"
#include "actors/store/retention_statements.hpp"
#include "actors/store/retention_sweeper.hpp"
#include "tests/store/retention_world.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <optional>
#include <thread>

namespace shannon::store {

namespace {

using namespace std::chrono_literals;
using test::birth_of;
using test::connect;
using test::continued_log;
using test::hash_of;
using test::retention_world;
using test::run_sql;
using test::with_body;

} // namespace

TEST_CASE("a sweep that is ended anywhere leaves a whole database") {
  retention_world it;
  for (int i = 0; i < 6; ++i) {
    auto log = "task-" + std::to_string(i);
    it.append(
        with_body(it.ended(log), hash_of(static_cast<char>('a' + i)), "body"));
    it.append(with_body(it.ended(log + "/agent", log), hash_of('z'), "shared"));
    continued_log(it, "open-" + std::to_string(i));
  }
  it.days_pass(31);
  it.keep.batch_logs = 1;
  int ended = 0;
  for (int patience = 0;; ++patience) {
    // Each is let wait for the database once more than the one before: it is
    // ended with a statement sent or between two.
    int waits = 0;
    auto options = it.options();
    options.go_on = [&] { return waits++ < patience; };
    auto done = retention_sweep{std::move(options)}.run();
    it.check_whole();
    if (done)
      break;
    // The server has not heard yet that the one before has gone.
    if (done.error().code == errc::conflict) {
      --patience;
      continue;
    }
    CHECK(done.error().code == errc::cancelled);
    ++ended;
    REQUIRE(patience < 1'000);
  }
  CHECK(ended > 10);
  it.sweep();
  CHECK(it.number("select count(*) from heads") == 6);
}

TEST_CASE("a sweep whose connections are cut at any moment is gone on with") {
  retention_world it;
  for (int i = 0; i < 300; ++i)
    it.append(with_body(it.ended("task-" + std::to_string(i)),
                        std::string(30, 'h') + std::to_string(10 + i % 90),
                        "body " + std::to_string(i % 90)));
  it.days_pass(31);
  it.keep.batch_logs = 1;
  auto rest = [&] { return it.number("select count(*) from heads"); };
  int cut = 0;
  for (auto before = rest(); before != 0; before = rest()) {
    std::optional<result<swept>> ended;
    std::atomic<bool> over{false};
    std::thread sweeping{[&] {
      ended = retention_sweep{it.options()}.run();
      over = true;
    }};
    // Ended as soon as it has done something.
    while (!over && rest() > before - 20)
      std::this_thread::yield();
    run_sql(it.db, "select pg_terminate_backend(pid) from pg_stat_activity "
                   "where datname = current_database() and query like "
                   "'%sweep%' and pid <> pg_backend_pid() or query like "
                   "'%with gone as%' and pid <> pg_backend_pid()");
    sweeping.join();
    cut += !ended->has_value();
    it.check_whole();
  }
  CHECK(cut > 0);
  it.sweep();
  CHECK(it.number("select count(*) from blobs") == 0);
  it.check_whole();
}

TEST_CASE("one sweep goes on at a time") {
  retention_world it;
  it.append(it.ended("task-1"));
  it.days_pass(31);
  auto session = connect(it.dsn);
  run_sql(session, retention_sql::take_turn);
  auto done = retention_sweep{it.options()}.run();
  REQUIRE_FALSE(done);
  CHECK(done.error().code == errc::conflict);
  CHECK(it.exists("task-1"));
  // Who only counts is in nobody's way.
  auto options = it.options();
  options.dry_run = true;
  auto told = retention_sweep{options}.run();
  REQUIRE(told);
  CHECK(told->logs == 1);
  run_sql(session, "rollback");
  CHECK(it.sweep().logs == 1);
}

TEST_CASE("a log that is deleted while it is read is whole or not found") {
  retention_world it;
  constexpr int logs = 200;
  constexpr std::size_t facts = 8;
  for (int i = 0; i < logs; ++i) {
    auto log = "task-" + std::to_string(i);
    auto what = it.ended(log);
    what.facts.assign(facts, "fact");
    it.append(with_body(what, hash_of('b'), "body"));
  }
  it.days_pass(31);
  it.keep.batch_logs = 1;
  std::atomic<bool> over{false};
  std::atomic<int> torn{0};
  std::atomic<int> whole{0};
  std::atomic<int> gone{0};
  auto reader = [&](int first) {
    for (int i = first; !over; i = (i + 1) % logs) {
      log_id log{"task-" + std::to_string(i)};
      auto image = it.node.ask<log_image>(open_log{log});
      if (image)
        ++(image->facts.size() == facts && image->blobs.size() == 1 ? whole
                                                                    : torn);
      else
        ++(image.error().code == errc::not_found ? gone : torn);
      auto page = it.node.ask<fact_page>(read_facts{log, 0, 100});
      if (page)
        ++(page->facts.size() == facts ? whole : torn);
      else
        ++(page.error().code == errc::not_found ? gone : torn);
    }
  };
  std::thread one{reader, 0};
  std::thread two{reader, logs / 2};
  while (whole < 50)
    std::this_thread::yield();
  it.keep.batch_pause = 1ms;
  CHECK(it.sweep().logs == logs);
  while (gone < 10)
    std::this_thread::yield();
  over = true;
  one.join();
  two.join();
  CHECK(torn == 0);
}

TEST_CASE("a dry run counts what a sweep would delete, and changes nothing") {
  retention_world it;
  it.append(it.ended("old"));
  it.append(it.ended("old/agent", "old"));
  it.append(birth_of("open"));
  it.append(it.ended("open/agent", "open"));
  continued_log(it, "open-2");
  it.days_pass(31);
  auto options = it.options();
  options.dry_run = true;
  auto told = retention_sweep{options}.run();
  REQUIRE(told);
  CHECK(told->logs == 2);
  CHECK(told->trimmed == 1);
  CHECK(told->appends == 4);
  CHECK(it.number("select count(*) from heads") == 5);
  auto done = it.sweep();
  CHECK(done.logs == told->logs);
  CHECK(done.trimmed == told->trimmed);
  CHECK(done.appends == told->appends);
}

} // namespace shannon::store
