#include "actors/store/pg_connection.hpp"
#include "protocols/blobs.hpp"
#include "tests/kit/postgres_fixture.hpp"
#include "tests/store/cut_wire.hpp"
#include "tests/store/sql.hpp"
#include "tests/store/store_client.hpp"

#include <catch2/catch.hpp>

namespace shannon::store {

namespace {

using namespace std::chrono_literals;
using test::birth_of;
using test::fresh_database;
using test::hash_of;
using test::next_of;
using test::store_node;

template <class T>
errc code_of(const result<T>& got) {
  return got ? errc::ok : got.error().code;
}

std::int64_t number(const std::string& dsn, const std::string& sql) {
  pg_options options;
  options.dsn = dsn;
  auto rows
      = pg_connection::open(std::move(options)).and_then([&](pg_connection db) {
          return db.exec(sql);
        });
  REQUIRE(rows);
  REQUIRE(rows->size() == 1);
  return std::stoll(rows->text(0, 0));
}

struct world {
  std::string dsn = fresh_database();
  store_node node{dsn};

  world() {
    REQUIRE(node.claim());
  }

  result<append_receipt> append(store::append what) {
    return node.ask<append_receipt>(std::move(what));
  }
};

} // namespace

TEST_CASE("what is appended is what is read after opening") {
  world it;
  auto first = birth_of("task-1", "planned");
  first.summary = "a summary";
  first.status = log_status::queued;
  auto at1 = it.append(first);
  REQUIRE(at1);
  CHECK(at1->tail.version == 1);
  auto second = next_of("task-1", at1->tail, "thought");
  second.facts.emplace_back("");
  second.facts.emplace_back(std::string{"\0\xff", 2});
  second.schedule = store::log_schedule{
      false, std::chrono::system_clock::time_point{1'900'000'000s}};
  auto at4 = it.append(second);
  REQUIRE(at4);
  CHECK(at4->tail.version == 4);

  auto image = it.node.ask<log_image>(open_log{log_id{"task-1"}});
  REQUIRE(image);
  CHECK(image->head.log.value == "task-1");
  CHECK(image->head.birth.kind == "workflow");
  CHECK(image->head.birth.tenant.value == "acme");
  CHECK(image->head.birth.user.value == "ann");
  CHECK(image->head.birth.session.value == "s1");
  CHECK(image->head.tail.version == 4);
  CHECK(image->head.tail.chain == at4->tail.chain);
  CHECK(image->head.status == log_status::running);
  CHECK(image->head.summary == "a summary");
  CHECK(image->head.wake_at == second.schedule->wake_at);
  REQUIRE(image->facts.size() == 4);
  for (std::size_t i = 0; i < 4; ++i)
    CHECK(image->facts[i].version == static_cast<log_version>(i) + 1);
  CHECK(image->facts[0].bytes == "planned");
  CHECK(image->facts[2].bytes.empty());
  CHECK(image->facts[3].bytes == std::string{"\0\xff", 2});
  auto age = std::chrono::system_clock::now() - image->facts[0].at;
  CHECK(age < 60s);
  CHECK(age > -60s);
}

TEST_CASE("an append behind the log's end is a conflict and writes nothing") {
  world it;
  auto at1 = it.append(birth_of("task-1"));
  REQUIRE(at1);
  REQUIRE(it.append(next_of("task-1", at1->tail, "mine")));
  CHECK(code_of(it.append(next_of("task-1", at1->tail, "late")))
        == errc::conflict);
  // The very same facts again, too.
  CHECK(code_of(it.append(next_of("task-1", at1->tail, "mine")))
        == errc::conflict);
  CHECK(code_of(it.append(next_of("task-1", {2, 77}, "other history")))
        == errc::conflict);
  CHECK(number(it.dsn, "select max(last) from facts") == 2);
  CHECK(number(it.dsn, "select count(*) from facts") == 2);
}

TEST_CASE("a log is born once") {
  world it;
  auto first = birth_of("task-1", "the one");
  REQUIRE(it.append(first));
  CHECK(code_of(it.append(birth_of("task-1", "another"))) == errc::conflict);
  CHECK(code_of(it.append(first)) == errc::conflict);
  auto image = it.node.ask<log_image>(open_log{log_id{"task-1"}});
  REQUIRE(image);
  REQUIRE(image->facts.size() == 1);
  CHECK(image->facts[0].bytes == "the one");
}

TEST_CASE("a log that was never born is not found") {
  world it;
  CHECK(code_of(it.append(next_of("nowhere", {0, 0}, "x"))) == errc::not_found);
  CHECK(code_of(it.node.ask<log_image>(open_log{log_id{"nowhere"}}))
        == errc::not_found);
  CHECK(code_of(it.node.ask<log_head>(get_head{log_id{"nowhere"}}))
        == errc::not_found);
  CHECK(code_of(it.node.ask<fact_page>(read_facts{log_id{"nowhere"}}))
        == errc::not_found);
  CHECK(code_of(it.node.ask<blob_body>(get_blob{hash_of('x')}))
        == errc::not_found);
}

TEST_CASE("an owner that was replaced is fenced and writes nothing") {
  world old;
  auto at1 = old.append(birth_of("task-1"));
  REQUIRE(at1);
  store_node heir{old.dsn};
  REQUIRE(heir.claim("n2"));
  // Fenced by the claim alone, before the heir has opened anything.
  auto late = next_of("task-1", at1->tail, "late");
  late.blobs = {{hash_of('b'), "body"}};
  late.references = {{hash_of('b')}};
  CHECK(code_of(old.append(late)) == errc::fenced);
  CHECK(code_of(old.append(birth_of("task-2"))) == errc::fenced);
  CHECK(code_of(old.node.ask<log_image>(open_log{log_id{"task-1"}}))
        == errc::fenced);
  CHECK(number(old.dsn, "select count(*) from facts") == 1);
  CHECK(number(old.dsn, "select count(*) from blobs") == 0);
  CHECK(number(old.dsn, "select count(*) from heads") == 1);

  auto image = heir.ask<log_image>(open_log{log_id{"task-1"}});
  REQUIRE(image);
  auto next
      = heir.ask<append_receipt>(next_of("task-1", image->head.tail, "heir's"));
  REQUIRE(next);
  CHECK(next->tail.version == 2);
}

TEST_CASE("nothing is written before the shards are claimed") {
  auto dsn = fresh_database();
  store_node node{dsn};
  CHECK(code_of(node.ask<append_receipt>(birth_of("task-1")))
        == errc::unavailable);
  CHECK(code_of(node.ask<log_image>(open_log{log_id{"task-1"}}))
        == errc::unavailable);
  CHECK(number(dsn, "select count(*) from heads") == 0);
}

TEST_CASE("a node that counts shards differently than the logs joins not") {
  world first;
  REQUIRE(first.append(birth_of("task-1")));
  const auto& dsn = first.dsn;
  config::store_settings settings;
  settings.shards = 128;
  store_node node{dsn, settings};
  auto got = node.claim();
  REQUIRE_FALSE(got);
  CHECK_THAT(got.error().text, Catch::Contains("128 shards"));
  CHECK(number(dsn, "select max(epoch) from shards") == 1);
}

TEST_CASE("a body is stored once however often it is referred to") {
  world it;
  auto first = birth_of("task-1");
  first.blobs = {{hash_of('b'), "body"}, {hash_of('b'), "body"}};
  first.references = {{hash_of('b')}};
  auto at1 = it.append(first);
  REQUIRE(at1);
  auto second = next_of("task-1", at1->tail, "again");
  second.blobs = {{hash_of('a'), "other"}, {hash_of('b'), "body"}};
  second.references = {{hash_of('b'), hash_of('a')}};
  REQUIRE(it.append(second));
  CHECK(number(it.dsn, "select count(*) from blobs") == 2);

  auto image = it.node.ask<log_image>(open_log{log_id{"task-1"}});
  REQUIRE(image);
  CHECK(image->blobs
        == std::map<blob_hash, std::string>{{hash_of('a'), "other"},
                                            {hash_of('b'), "body"}});
  auto body = it.node.ask<blob_body>(get_blob{hash_of('b')});
  REQUIRE(body);
  CHECK(body->bytes == "body");
}

TEST_CASE("a body is a tenant's if a log of that tenant refers to it") {
  world it;
  auto mine = birth_of("task-1");
  mine.blobs = {{hash_of('b'), "body"}};
  mine.references = {{hash_of('b')}};
  auto tenant = mine.birth->tenant;
  REQUIRE(it.append(mine));
  auto body = it.node.ask<blob_body>(get_tenant_blob{tenant, hash_of('b')});
  REQUIRE(body);
  CHECK(body->bytes == "body");
  tenant_id stranger{"stranger"};
  CHECK(code_of(it.node.ask<blob_body>(get_tenant_blob{stranger, hash_of('b')}))
        == errc::not_found);
  CHECK(code_of(it.node.ask<blob_body>(get_tenant_blob{tenant, hash_of('x')}))
        == errc::not_found);
  // One of the stranger's own that refers to the same makes it theirs too.
  auto theirs = birth_of("task-2");
  theirs.birth->tenant = stranger;
  theirs.blobs = {{hash_of('b'), "body"}};
  theirs.references = {{hash_of('b')}};
  REQUIRE(it.append(theirs));
  CHECK(it.node.ask<blob_body>(get_tenant_blob{stranger, hash_of('b')}));
}

TEST_CASE("facts are read in pages") {
  world it;
  auto first = birth_of("task-1", "1");
  first.facts = {"1", "2", "3", "4", "5"};
  REQUIRE(it.append(first));
  auto page = it.node.ask<fact_page>(read_facts{log_id{"task-1"}, 1, 3});
  REQUIRE(page);
  REQUIRE(page->facts.size() == 3);
  CHECK(page->facts.front().version == 2);
  CHECK(page->facts.back().bytes == "4");
  CHECK(page->version == 5);
  CHECK(page->status == log_status::running);
  page = it.node.ask<fact_page>(read_facts{log_id{"task-1"}, 5, 3});
  REQUIRE(page);
  CHECK(page->facts.empty());
}

TEST_CASE("lists are newest first, filtered, paged and counted") {
  world it;
  for (int i = 1; i <= 5; ++i) {
    auto one = birth_of("task-" + std::to_string(i));
    one.status = i % 2 ? log_status::completed : log_status::running;
    one.birth->session.value = i < 3 ? "s1" : "s2";
    REQUIRE(it.append(one));
  }
  auto other = birth_of("task-6");
  other.birth->tenant.value = "rival";
  REQUIRE(it.append(other));
  auto agent = birth_of("task-1/a");
  agent.birth->kind = "agent";
  REQUIRE(it.append(agent));

  list_heads all;
  all.tenant.value = "acme";
  auto names = [&](const list_heads& what) {
    auto got = it.node.ask<head_page>(what);
    REQUIRE(got);
    std::string out;
    for (const auto& head : got->heads)
      out += head.log.value + " ";
    return out + std::to_string(got->total);
  };
  CHECK(names(all) == "task-5 task-4 task-3 task-2 task-1 5");
  auto page = all;
  page.limit = 2;
  page.offset = 1;
  CHECK(names(page) == "task-4 task-3 5");
  auto ended = all;
  ended.statuses = {log_status::completed, log_status::failed};
  CHECK(names(ended) == "task-5 task-3 task-1 3");
  auto session = ended;
  session.session = session_id{"s2"};
  CHECK(names(session) == "task-5 task-3 2");
  auto fifth = it.node.ask<log_head>(get_head{log_id{"task-5"}});
  REQUIRE(fifth);
  session.since = fifth->created_at;
  CHECK(names(session) == "task-5 1");
  auto nobody = all;
  nobody.tenant.value = "stranger";
  CHECK(names(nobody) == "0");
  nobody.tenant.value = "";
  CHECK(code_of(it.node.ask<head_page>(nobody)) == errc::invalid_argument);
  auto agents = all;
  agents.kind = "agent";
  CHECK(names(agents) == "task-1/a 1");
}

TEST_CASE("unfinished logs are those whose status is not an end") {
  world it;
  for (auto status :
       {log_status::queued, log_status::paused, log_status::needs_operator,
        log_status::failed, log_status::completed}) {
    auto one = birth_of("task-" + std::to_string(static_cast<int>(status)));
    one.status = status;
    REQUIRE(it.append(one));
  }
  auto got = it.node.ask<log_ids>(list_unfinished{"workflow"});
  REQUIRE(got);
  CHECK(got->logs
        == std::vector<log_id>{log_id{"task-0"}, log_id{"task-2"},
                               log_id{"task-7"}});
  got = it.node.ask<log_ids>(list_unfinished{"agent"});
  REQUIRE(got);
  CHECK(got->logs.empty());
}

TEST_CASE("an end that is owed is brought back until the log is closed") {
  world it;
  // One that rested until it ended, one whose first append is its last, one
  // that owes nothing, and one that goes on.
  auto rests = birth_of("rests");
  rests.schedule = log_schedule{true, {}};
  auto at = it.append(rests);
  REQUIRE(at);
  auto end = next_of("rests", at->tail, "end");
  end.status = log_status::completed;
  end.owes_end = true;
  end.schedule = log_schedule{};
  REQUIRE(it.append(end));
  auto born = birth_of("born");
  born.status = log_status::failed;
  born.owes_end = true;
  REQUIRE(it.append(born));
  auto done = birth_of("done");
  done.status = log_status::completed;
  REQUIRE(it.append(done));
  REQUIRE(it.append(birth_of("open")));
  auto unfinished = [&] {
    auto got = it.node.ask<log_ids>(list_unfinished{"workflow"});
    REQUIRE(got);
    return got->logs;
  };
  CHECK(
      unfinished()
      == std::vector<log_id>{log_id{"born"}, log_id{"open"}, log_id{"rests"}});
  auto states = it.node.ask<log_states>(list_active{
      {log_id{"rests"}, log_id{"done"}, log_id{"open"}, log_id{"none"}}});
  REQUIRE(states);
  CHECK(states->logs
        == std::map<log_id, log_status>{
            {log_id{"open"}, log_status::running},
            {log_id{"rests"}, log_status::completed}});
  for (const auto* log : {"rests", "born", "open", "none"}) {
    auto mail = std::make_shared<envelope>();
    mail->to = {"store"};
    mail->body = close_log{log_id{log}};
    it.node.addresses.deliver(std::move(mail));
  }
  auto until = std::chrono::steady_clock::now() + 20s;
  while (unfinished().size() > 1 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(5ms);
  // One that has not ended cannot be closed.
  CHECK(unfinished() == std::vector<log_id>{log_id{"open"}});
}

namespace {

/// A log that has ended and owes that to another.
void end_owing(world& it, const std::string& log) {
  auto what = birth_of(log);
  what.status = log_status::completed;
  what.owes_end = true;
  REQUIRE(it.append(what));
}

void close(store_node& node, const std::string& log) {
  auto mail = std::make_shared<envelope>();
  mail->to = {"store"};
  mail->body = close_log{log_id{log}};
  node.addresses.deliver(std::move(mail));
}

void await_none_active(const std::string& dsn) {
  auto until = std::chrono::steady_clock::now() + 20s;
  while (number(dsn, "select count(*) from active") > 0) {
    REQUIRE(std::chrono::steady_clock::now() < until);
    std::this_thread::sleep_for(1ms);
  }
}

} // namespace

TEST_CASE("an end that was told stays told when the database crashes") {
  auto& server = test::postgres_server::shared();
  auto set_up = [&](const char* sql) {
    auto db = test::connect(server.dsn("postgres"));
    test::run_sql(db, sql);
  };
  // What is committed without waiting for the disk gets there by chance, later.
  set_up("alter system set wal_writer_delay = '10s'");
  server.restart();
  world it;
  end_owing(it, "child");
  close(it.node, "child");
  await_none_active(it.dsn);
  server.kill();
  server.restart();
  CHECK(number(it.dsn, "select count(*) from active") == 0);
  set_up("alter system reset wal_writer_delay");
}

TEST_CASE("an end that is told while the database is away counts once it is "
          "back") {
  auto dsn = fresh_database();
  test::cut_wire wire{dsn};
  config::store_settings brief;
  brief.outage_wait = 300ms;
  store_node node{wire.dsn(), brief};
  REQUIRE(node.claim());
  auto what = birth_of("child");
  what.status = log_status::completed;
  what.owes_end = true;
  REQUIRE(node.ask<append_receipt>(std::move(what)));
  wire.hold_requests();
  close(node, "child");
  while (wire.held_requests() == 0)
    std::this_thread::sleep_for(1ms);
  // By then the statement has been tried for as long as it may be.
  std::this_thread::sleep_for(brief.outage_wait);
  CHECK(number(dsn, "select count(*) from active") == 1);
  wire.cut();
  await_none_active(dsn);
}

TEST_CASE("a summary stays until another is given") {
  world it;
  auto first = birth_of("task-1");
  first.summary = std::string(5'000, 's');
  auto at1 = it.append(first);
  REQUIRE(at1);
  auto at2 = it.append(next_of("task-1", at1->tail, "2"));
  REQUIRE(at2);
  auto head = it.node.ask<log_head>(get_head{log_id{"task-1"}});
  REQUIRE(head);
  CHECK(head->summary == *first.summary);
  auto third = next_of("task-1", at2->tail, "3");
  third.summary = "short";
  third.status = log_status::completed;
  REQUIRE(it.append(third));
  head = it.node.ask<log_head>(get_head{log_id{"task-1"}});
  REQUIRE(head);
  CHECK(head->summary == "short");
  CHECK(head->status == log_status::completed);
  CHECK(number(it.dsn, "select count(*) from heads where ended_at is not null")
        == 1);
}

TEST_CASE("a malformed append is refused and harms no other") {
  world it;
  auto none = birth_of("task-1");
  none.facts.clear();
  CHECK(code_of(it.append(none)) == errc::invalid_argument);
  auto text = birth_of("task-\xff");
  CHECK(code_of(it.append(text)) == errc::invalid_argument);
  auto zero = birth_of("task-1");
  zero.birth->session.value = std::string{"a\0b", 3};
  CHECK(code_of(it.append(zero)) == errc::invalid_argument);
  auto hash = birth_of("task-1");
  hash.blobs = {{"short", "body"}};
  CHECK(code_of(it.append(hash)) == errc::invalid_argument);
  CHECK(code_of(it.node.ask<log_head>(get_head{log_id{"\xff"}}))
        == errc::invalid_argument);
  CHECK(it.append(birth_of("task-1")));
}

TEST_CASE("a log that was changed behind our back is not opened") {
  world it;
  auto at1 = it.append(birth_of("task-1"));
  REQUIRE(at1);
  auto at2 = it.append(next_of("task-1", at1->tail, "2"));
  REQUIRE(at2);
  auto third = next_of("task-1", at2->tail, "3");
  third.summary = "the head knows of this one";
  REQUIRE(it.append(third));
  REQUIRE(it.append(birth_of("task-2")));
  auto damage = GENERATE(
      std::string{"update facts set facts = 'x' where first = 2 "
                  "returning first"},
      std::string{"delete from facts where first = 2 returning first"},
      std::string{"delete from facts where first = 3 returning first"},
      std::string{"update heads set chain = chain + 1 "
                  "where log_id = 'task-1' returning version"},
      // Another log's facts, whole in themselves.
      std::string{"update heads h set log_no = o.log_no, version = o.version, "
                  "chain = o.chain from heads o where o.log_id = 'task-2' "
                  "and h.log_id = 'task-1' returning 1"});
  number(it.dsn, damage);
  auto got = it.node.ask<log_image>(open_log{log_id{"task-1"}});
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::failed);
  CHECK_THAT(got.error().text, Catch::Contains("damaged"));
}

TEST_CASE("a schema of another version is refused") {
  auto dsn = fresh_database();
  REQUIRE(check_database(dsn));
  auto change = GENERATE(
      std::make_pair("insert into schema_migrations (number, name, checksum) "
                     "values (9999, '9999_later.sql', '') returning number",
                     "newer build"),
      std::make_pair("update schema_migrations set checksum = 'x' "
                     "where number = 1 returning number",
                     "another 0001"),
      std::make_pair("with gone as (delete from schema_migrations "
                     "returning number) select count(*) from gone",
                     "shannon migrate apply"));
  number(dsn, change.first);
  auto checked = check_database(dsn);
  REQUIRE_FALSE(checked);
  CHECK_FALSE(checked.error().retryable);
  CHECK_THAT(checked.error().text, Catch::Contains(change.second));
  // The actor ends by itself and says why.
  store_node node{dsn};
  std::string reason;
  node.owner()->monitor(node.store());
  node.owner()->receive(
      [&](caf::down_msg& down) { reason = caf::to_string(down.reason); });
  CHECK_THAT(reason, Catch::Contains(change.second));
}

TEST_CASE("migrations are applied once, by however many at a time") {
  auto dsn = test::postgres_server::shared().dsn(test::fresh_database_name());
  auto missing = check_database(dsn);
  REQUIRE_FALSE(missing);
  CHECK_THAT(missing.error().text, Catch::Contains("shannon migrate apply"));
  std::vector<std::future<result<std::uint32_t>>> all;
  for (int i = 0; i < 4; ++i)
    all.push_back(std::async(std::launch::async, [&] { return migrate(dsn); }));
  std::uint32_t sum = 0;
  for (auto& one : all) {
    auto got = one.get();
    REQUIRE(got);
    sum += *got;
  }
  CHECK(sum == known_migrations().size());
  CHECK(check_database(dsn));
  auto status = read_migration_status(dsn);
  REQUIRE(status);
  CHECK(status->report.state == schema_state::current);
  REQUIRE_FALSE(status->lines.empty());
  CHECK(status->lines.front().applied_at);
}

TEST_CASE("a migration that fails leaves nothing behind") {
  auto dsn = test::postgres_server::shared().dsn(test::fresh_database_name());
  pg_options options;
  options.dsn = dsn;
  auto db = pg_connection::open(std::move(options));
  REQUIRE(db);
  auto known = *number_migrations(
      {{"0001_good.sql", "create table one (n int)"},
       {"0002_bad.sql", "create table two (n int); nonsense"}});
  auto got = apply_migrations(*db, known);
  REQUIRE_FALSE(got);
  CHECK_THAT(got.error().text, Catch::Contains("0002_bad.sql"));
  auto applied = applied_migrations(*db);
  REQUIRE(applied);
  CHECK(applied->size() == 1);
  auto two = db->exec("select to_regclass('shannon.two') is null");
  REQUIRE(two);
  CHECK(two->text(0, 0) == "t");
}

TEST_CASE("a ping is answered while the database is there") {
  world it;
  CHECK(it.node.ask<pong>(ping{}));
}

} // namespace shannon::store
