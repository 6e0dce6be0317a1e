// What settings keep no longer is deleted, and nothing else.

#include "actors/kit/log.hpp"
#include "actors/store/group_statements.hpp"
#include "actors/store/retention_statements.hpp"
#include "actors/store/retention_sweeper.hpp"
#include "tests/store/retention_world.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace shannon::store {

namespace {

using namespace std::chrono_literals;
using test::birth_of;
using test::connect;
using test::hash_of;
using test::next_of;
using test::retention_world;
using test::run_sql;
using test::with_body;

} // namespace

TEST_CASE("a log goes with all that is its own, once it has ended long ago") {
  retention_world it;
  it.append(with_body(it.ended("old"), hash_of('o'), "only the old one's"));
  it.append(with_body(birth_of("open"), hash_of('p'), "still needed"));
  it.days_pass(31);
  it.append(it.ended("young"));
  auto done = it.sweep();
  CHECK(done.logs == 1);
  CHECK(done.appends == 1);
  CHECK(done.bodies == 1);
  CHECK(done.bytes > 0);
  CHECK_FALSE(it.exists("old"));
  CHECK(it.exists("open"));
  CHECK(it.exists("young"));
  CHECK(it.number("select count(*) from facts") == 2);
  CHECK(it.number("select count(*) from blobs") == 1);
  CHECK(it.number("select count(*) from blob_refs") == 1);
  it.check_whole();
  CHECK_FALSE(it.sweep().anything());
}

TEST_CASE("a log's age is that of its end") {
  retention_world it;
  auto tail = it.append(birth_of("task-1"));
  it.days_pass(300);
  auto end = next_of("task-1", tail, "done at last");
  end.status = log_status::failed;
  it.append(end);
  CHECK_FALSE(it.sweep().anything());
  CHECK(it.exists("task-1"));
}

TEST_CASE("nothing is deleted that is kept for ever") {
  retention_world it;
  it.append(it.ended("task-1"));
  it.days_pass(10'000);
  it.keep.keep_ended = 0ms;
  CHECK_FALSE(it.sweep().anything());
  CHECK(it.exists("task-1"));
}

TEST_CASE("a log goes after the one that started it") {
  retention_world it;
  it.append(birth_of("open"));
  it.append(it.ended("open/agent", "open"));
  it.append(it.ended("young"));
  it.append(it.ended("young/agent", "young"));
  it.append(it.ended("old"));
  it.append(it.ended("old/agent", "old"));
  it.append(it.ended("old/agent/child", "old/agent"));
  it.days_pass(31);
  // Its own end is as old as the others', its starter's is not.
  run_sql(it.db, "update heads set ended_at = now() where log_id = 'young'");
  CHECK(it.sweep().logs == 3);
  CHECK_FALSE(it.exists("old"));
  CHECK_FALSE(it.exists("old/agent"));
  CHECK_FALSE(it.exists("old/agent/child"));
  for (const char* kept : {"open", "open/agent", "young", "young/agent"})
    CHECK(it.exists(kept));
  it.check_whole();
}

TEST_CASE("a log that has ended takes no more facts") {
  retention_world it;
  auto tail = it.append(it.ended("task-1"));
  auto late = next_of("task-1", tail, "late");
  auto got = it.node.ask<append_receipt>(late);
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::conflict);
  CHECK_THAT(got.error().text, Catch::Contains("has ended"));
  // Nor from whoever does not know where it stands.
  late.expected.place = {};
  got = it.node.ask<append_receipt>(late);
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::conflict);
  CHECK(it.number("select count(*) from facts") == 1);
}

TEST_CASE("an id that was deleted may be born again") {
  retention_world it;
  it.append(it.ended("task-1"));
  it.days_pass(31);
  CHECK(it.sweep().logs == 1);
  it.append(birth_of("task-1", "another life"));
  auto image = it.node.ask<log_image>(open_log{log_id{"task-1"}});
  REQUIRE(image);
  CHECK(image->facts.front().bytes == "another life");
}

TEST_CASE("a transaction deletes no more than settings say") {
  retention_world it;
  for (int i = 0; i < 10; ++i) {
    auto tail = it.append(birth_of("task-" + std::to_string(i)));
    for (int n = 0; n < 4; ++n)
      tail = it.append(next_of("task-" + std::to_string(i), tail, "more"));
    auto end = next_of("task-" + std::to_string(i), tail, "end");
    end.status = log_status::completed;
    it.append(end);
  }
  it.days_pass(31);
  run_sql(it.db, "create table deletions (xid xid, logs int, appends int)");
  run_sql(it.db,
          "create function note_logs() returns trigger language plpgsql "
          "as $$ begin insert into shannon.deletions select "
          "pg_current_xact_id()::xid, (select count(*) from gone), 0; "
          "return null; end $$;"
          "create trigger note after delete on heads referencing old "
          "table as gone for each statement execute function note_logs()");
  auto [logs, appends]
      = GENERATE(std::make_pair(3u, 1'000u), std::make_pair(100u, 12u),
                 std::make_pair(100u, 1u));
  it.keep.batch_logs = logs;
  it.keep.batch_appends = appends;
  CHECK(it.sweep().logs == 10);
  auto most = it.number("select max(logs) from deletions");
  CHECK(most == (logs == 3 ? 3 : appends == 12 ? 2 : 1));
}

// -- what is not needed any more of a log that goes on ------------------------

namespace {

/// Begun at 1, anew at 4, in the middle of an append; ends at 5.
log_tail continued_log(retention_world& it, const std::string& log) {
  auto tail = it.append(
      with_body(birth_of(log, "1"), hash_of('a'), "of the first life"));
  tail = it.append(
      with_body(next_of(log, tail, "2"), hash_of('b'), "of both lives"));
  auto anew = next_of(log, tail, "3");
  anew.facts.emplace_back("4: begun anew");
  anew.base = 1;
  tail = it.append(with_body(anew, hash_of('b'), "of both lives"));
  return it.append(next_of(log, tail, "5"));
}

} // namespace

TEST_CASE("what stands before a log's last beginning goes in time") {
  retention_world it;
  auto tail = continued_log(it, "task-1");
  CHECK_FALSE(it.sweep().anything());
  auto before = it.node.ask<log_image>(open_log{log_id{"task-1"}});
  it.days_pass(8);
  auto done = it.sweep();
  CHECK(done.trimmed == 1);
  CHECK(done.appends == 2);
  CHECK(done.bodies == 1);
  it.check_whole();
  auto after = it.node.ask<log_image>(open_log{log_id{"task-1"}});
  REQUIRE(before);
  REQUIRE(after);
  CHECK(after->base.chain == before->base.chain);
  CHECK(after->head.tail.chain == before->head.tail.chain);
  REQUIRE(after->facts.size() == before->facts.size());
  CHECK(after->facts.front().bytes == "4: begun anew");
  CHECK(after->blobs == before->blobs);
  it.append(next_of("task-1", tail, "6"));
  CHECK_FALSE(it.sweep().anything());
}

TEST_CASE("pages of a log that was trimmed say where it begins") {
  retention_world it;
  continued_log(it, "task-1");
  auto whole = it.node.ask<fact_page>(read_facts{log_id{"task-1"}});
  REQUIRE(whole);
  CHECK(whole->first == 1);
  CHECK(whole->facts.size() == 5);
  it.days_pass(8);
  it.sweep();
  auto page = it.node.ask<fact_page>(read_facts{log_id{"task-1"}, 0, 2});
  REQUIRE(page);
  // With its append's first fact, though loading does not need it.
  CHECK(page->first == 3);
  REQUIRE(page->facts.size() == 2);
  CHECK(page->facts.front().version == 3);
  CHECK(page->version == 5);
}

TEST_CASE("what stands before a log's last beginning is kept for ever") {
  retention_world it;
  continued_log(it, "task-1");
  it.days_pass(1'000);
  it.keep.keep_continued = 0ms;
  CHECK_FALSE(it.sweep().anything());
  CHECK(it.number("select count(*) from facts") == 4);
}

// -- bodies that are shared ---------------------------------------------------

TEST_CASE("a session goes once nobody has opened it for long and none of its "
          "tasks is left") {
  retention_world it;
  auto make = [&](const std::string& name, int opened_days_ago,
                  const std::string& deleted = "null") {
    run_sql(it.db, "insert into sessions (tenant, id, user_id, name, title, "
                   "context, mode, created_at, updated_at, deleted_at) values "
                   "('acme', 'id-"
                       + name + "', 'ann', '" + name
                       + "', '', '', '', now() - interval '1 year', now() - "
                         "interval '"
                       + std::to_string(opened_days_ago) + " days', " + deleted
                       + ")");
  };
  auto task = [&](const std::string& log, const std::string& session) {
    auto what = it.ended(log);
    what.birth->session.value = session;
    it.append(what);
  };
  auto names = [&] {
    auto rows = run_sql(it.db, "select name from sessions order by name");
    std::string all;
    for (int i = 0; i < rows.size(); ++i)
      all += rows.text(i, 0) + " ";
    return all;
  };
  task("old", "with-old-task");
  it.days_pass(31);
  task("young", "with-young-task");
  make("with-old-task", 31);
  make("with-young-task", 31);
  make("without", 31);
  make("opened", 29);
  make("deleted", 31, "now() - interval '31 days'");
  make("deleted-lately", 31, "now() - interval '29 days'");
  it.keep.batch_logs = 2; // More than one page.
  auto options = it.options();
  options.dry_run = true;
  auto told = retention_sweep{options}.run();
  REQUIRE(told);
  CHECK(told->sessions == 3);
  CHECK(it.sweep().sessions == 3);
  CHECK(names() == "deleted-lately opened with-young-task ");
  CHECK_FALSE(it.sweep().anything());
  it.days_pass(31);
  CHECK(it.sweep().sessions == 1);
  CHECK(names() == "deleted-lately opened ");
  it.keep.keep_ended = 0ms;
  run_sql(it.db, "update sessions set updated_at = '1999-01-01'");
  CHECK(it.sweep().sessions == 0);
}

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

// -- killed, twice, beside readers --------------------------------------------

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

// -- the actor ----------------------------------------------------------------

TEST_CASE("the RETENTION SWEEPER sweeps again and again, and counts") {
  retention_world it;
  it.append(it.ended("task-1"));
  it.days_pass(31);
  metrics::registry registry;
  metrics::retention_metrics counts{registry};
  auto options = it.options();
  options.keep.sweep_every = 20ms;
  auto sweeper = spawn_retention_sweeper(
      *it.node.owner().ptr(),
      {it.node.env, options.store, options.keep, counts});
  auto await = [&](const std::string& line) {
    auto until = std::chrono::steady_clock::now() + 10s;
    while (registry.render().find(line) == std::string::npos)
      REQUIRE(std::chrono::steady_clock::now() < until);
  };
  await("shannon_retention_removed_total{kind=\"logs\"} 1");
  CHECK_FALSE(it.exists("task-1"));
  it.append(it.ended("task-2"));
  it.days_pass(31);
  await("shannon_retention_removed_total{kind=\"logs\"} 2");
  CHECK(registry.render().find("shannon_retention_last_sweep_timestamp_seconds "
                               "0\n")
        == std::string::npos);
  auto begun = std::chrono::steady_clock::now();
  caf::anon_send_exit(sweeper, caf::exit_reason::user_shutdown);
  it.node.owner()->wait_for(sweeper);
  CHECK(std::chrono::steady_clock::now() - begun < 2s);
}

} // namespace shannon::store
