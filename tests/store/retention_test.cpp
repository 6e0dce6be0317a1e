// What settings keep no longer is deleted, and nothing else.

#include "actors/kit/log.hpp"
#include "actors/store/group_statements.hpp"
#include "actors/store/retention_statements.hpp"
#include "actors/store/retention_sweeper.hpp"
#include "tests/store/retention_world.hpp"

#include <catch2/catch.hpp>

namespace shannon::store {

namespace {

using namespace std::chrono_literals;
using test::birth_of;
using test::continued_log;
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
