// A connection that ends at each point of an append: before the database has
// it, while it works on it, and when it is committed and nobody knows. What the
// log then holds decides, and each append is in it once.

#include "tests/kit/postgres_fixture.hpp"
#include "tests/store/cut_wire.hpp"
#include "tests/store/sql.hpp"
#include "tests/store/store_client.hpp"

#include <catch2/catch.hpp>

#include <vector>

namespace shannon::store {

namespace {

using namespace std::chrono_literals;
using test::birth_of;
using test::connect;
using test::cut_wire;
using test::next_of;
using test::run_sql;
using test::store_node;

struct wired {
  std::string dsn = test::fresh_database();
  cut_wire wire{dsn};
  store_node node{wire.dsn()};
  pg_connection db = connect(dsn);

  wired() {
    REQUIRE(node.claim());
  }

  log_tail append(store::append what) {
    auto got = node.ask<append_receipt>(std::move(what));
    INFO((got ? "" : got.error().text));
    REQUIRE(got);
    return got->tail;
  }

  template <class Condition>
  void await(Condition true_yet) {
    auto until = std::chrono::steady_clock::now() + 10s;
    while (!true_yet())
      REQUIRE(std::chrono::steady_clock::now() < until);
  }

  std::string value(const std::string& sql) {
    return run_sql(db, sql).text(0, 0);
  }

  double unclear() {
    auto text = node.registry.render();
    std::string name = "\nshannon_store_commits_unclear_total ";
    return std::stod(text.substr(text.find(name) + name.size()));
  }

  std::vector<std::string> facts_of(const std::string& log) {
    auto page = node.ask<fact_page>(read_facts{log_id{log}});
    REQUIRE(page);
    std::vector<std::string> out;
    for (const auto& fact : page->facts)
      out.push_back(fact.bytes);
    return out;
  }
};

using facts = std::vector<std::string>;

} // namespace

TEST_CASE("an append goes over a new connection when the old one has ended") {
  wired it;
  auto tail = it.append(birth_of("task-1"));
  run_sql(it.db, "select pg_terminate_backend(pid) from pg_stat_activity where "
                 "datname = current_database() and pid <> pg_backend_pid()");
  it.await([&] {
    return it.value("select count(*) from pg_stat_activity where datname = "
                    "current_database() and pid <> pg_backend_pid()")
           == "0";
  });
  CHECK(it.append(next_of("task-1", tail, "2")).version == 2);
  CHECK(it.facts_of("task-1") == facts{"born", "2"});
}

TEST_CASE("an append that never arrived is sent again") {
  wired it;
  auto tail = it.append(birth_of("task-1"));
  it.wire.hold_requests();
  auto next = it.node.start<append_receipt>(next_of("task-1", tail, "2"));
  auto born = it.node.start<append_receipt>(birth_of("task-2"));
  it.await([&] { return it.wire.held_requests() > 0; });
  it.wire.cut();
  auto got = next.get();
  REQUIRE(got);
  CHECK(got->tail.version == 2);
  CHECK(born.get());
  CHECK(it.unclear() >= 1);
  CHECK(it.facts_of("task-1") == facts{"born", "2"});
  CHECK(it.facts_of("task-2") == facts{"born"});
  it.append(next_of("task-1", got->tail, "3"));
}

TEST_CASE("an append whose session ends in its transaction is sent again") {
  wired it;
  auto tail = it.append(birth_of("task-1"));
  // Somebody writes where the append belongs, and has not decided.
  auto rival = connect(it.dsn);
  run_sql(rival, "begin; insert into facts select log_no, 0, now(), 2, 2, 0, "
                 "'never' from heads");
  auto waits = "select pid from pg_stat_activity where datname = "
               "current_database() and wait_event = 'transactionid'";
  auto next = it.node.start<append_receipt>(next_of("task-1", tail, "2"));
  it.await([&] { return run_sql(it.db, waits).size() == 1; });
  auto pid = it.value(waits);
  run_sql(it.db, "select pg_terminate_backend(" + pid + ")");
  it.await([&] {
    auto now = run_sql(it.db, waits);
    return now.size() == 1 && now.text(0, 0) != pid;
  });
  CHECK(next.wait_for(0s) == std::future_status::timeout);
  run_sql(rival, "rollback");
  auto got = next.get();
  REQUIRE(got);
  CHECK(got->tail.version == 2);
  CHECK(it.unclear() == 1);
  CHECK(it.facts_of("task-1") == facts{"born", "2"});
}

TEST_CASE("an append that was committed unheard is read back, not repeated") {
  wired it;
  auto tail = it.append(birth_of("task-1"));
  it.wire.hold_answers();
  auto next = it.node.start<append_receipt>(next_of("task-1", tail, "2"));
  it.await([&] { return it.value("select count(*) from facts") == "2"; });
  CHECK(next.wait_for(0s) == std::future_status::timeout);
  it.wire.cut();
  auto got = next.get();
  REQUIRE(got);
  CHECK(got->tail.version == 2);
  CHECK(it.unclear() == 1);
  CHECK(it.facts_of("task-1") == facts{"born", "2"});
  // The receipt tells where the log stands: it goes on without a look.
  it.append(next_of("task-1", got->tail, "3"));
}

TEST_CASE("a birth that was committed unheard is no conflict with itself") {
  wired it;
  it.append(birth_of("task-0"));
  it.wire.hold_answers();
  auto born = it.node.start<append_receipt>(birth_of("task-1", "the one"));
  it.await([&] { return it.value("select count(*) from heads") == "2"; });
  it.wire.cut();
  auto got = born.get();
  INFO((got ? "" : got.error().text));
  REQUIRE(got);
  CHECK(it.facts_of("task-1") == facts{"the one"});
  it.append(next_of("task-1", got->tail, "2"));
}

TEST_CASE("of a group that was cut, each append is told its own end") {
  wired it;
  auto tail_1 = it.append(birth_of("task-1"));
  auto tail_2 = it.append(birth_of("task-2"));
  it.append(next_of("task-2", tail_2, "another's"));
  it.wire.hold_answers();
  // The first goes alone, the others gather behind it, in one group.
  auto first = it.node.start<append_receipt>(birth_of("task-0"));
  it.await([&] { return it.value("select count(*) from heads") == "3"; });
  auto won = it.node.start<append_receipt>(next_of("task-1", tail_1, "2"));
  auto lost = it.node.start<append_receipt>(next_of("task-2", tail_2, "2"));
  auto born = it.node.start<append_receipt>(birth_of("task-3"));
  it.wire.cut();
  CHECK(first.get());
  CHECK(won.get());
  CHECK(born.get());
  auto refused = lost.get();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::conflict);
  CHECK(it.facts_of("task-1") == facts{"born", "2"});
  CHECK(it.facts_of("task-2") == facts{"born", "another's"});
}

TEST_CASE("an append in doubt loses to whoever came in between") {
  wired it;
  auto tail = it.append(birth_of("task-1"));
  it.wire.hold_requests();
  auto late = it.node.start<append_receipt>(next_of("task-1", tail, "late"));
  it.await([&] { return it.wire.held_requests() > 0; });
  store_node heir{it.dsn};
  REQUIRE(heir.claim("heir"));
  auto image = heir.ask<log_image>(open_log{log_id{"task-1"}});
  REQUIRE(image);
  REQUIRE(heir.ask<append_receipt>(
      next_of("task-1", image->head.tail, "the heir's")));
  it.wire.cut();
  auto got = late.get();
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::fenced);
  CHECK(it.facts_of("task-1") == facts{"born", "the heir's"});
}

} // namespace shannon::store
