// Nodes that share a database and nothing else: who joins, leaves, dies and
// comes back, and who owns the shards meanwhile. Real PostgreSQL, real time.

#include "actors/store/membership_queries.hpp"
#include "actors/store/pg_connection.hpp"
#include "tests/cluster/cluster_node.hpp"
#include "tests/cluster/ownership_audit.hpp"
#include "tests/kit/postgres_fixture.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <thread>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t all = 64;

/// What comes about by itself is waited for; the machine may be busy.
bool becomes(const std::function<bool()>& what,
             std::chrono::milliseconds most = 20s) {
  auto until = std::chrono::steady_clock::now() + most;
  while (!what()) {
    if (std::chrono::steady_clock::now() > until)
      return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

using options = cluster_node::options;

} // namespace

TEST_CASE("a node alone owns all shards as soon as it has joined") {
  auto dsn = fresh_database();
  ownership_audit audit{dsn};
  cluster_node one{dsn, "n1"};
  REQUIRE(becomes([&] { return one.place->ready.load(); }));
  CHECK(one.owned() == all);
  CHECK(one.runs.gained == all);
  CHECK(one.place->self() == node_id{"n1#1"});
  audit.check();
}

TEST_CASE("a second node is given its share once it has settled, and no "
          "shard before its runs have ended") {
  auto dsn = fresh_database();
  ownership_audit audit{dsn};
  cluster_node one{dsn, "n1"};
  REQUIRE(becomes([&] { return one.owned() == all; }));
  one.runs.may_end = false;
  cluster_node two{dsn, "n2"};
  REQUIRE(becomes([&] { return one.runs.asked > 0; }));
  // Its runs are ending: the shards are no more in use and not yet free.
  CHECK(one.owned() < all);
  std::this_thread::sleep_for(500ms);
  CHECK(two.owned() == 0);
  CHECK_FALSE(two.place->ready);
  one.runs.may_end = true;
  REQUIRE(becomes([&] { return two.place->ready.load(); }));
  CHECK(becomes([&] { return one.owned() + two.owned() == all; }));
  CHECK(two.owned() > all / 4);
  CHECK(one.owned() > all / 4);
  audit.check();
}

TEST_CASE("a node that leaves in order is not waited for") {
  auto dsn = fresh_database();
  ownership_audit audit{dsn};
  options slow;
  // So that nobody's lease ends while this goes on.
  slow.lease.lease = 60s;
  cluster_node one{dsn, "n1", slow};
  std::optional<cluster_node> two;
  two.emplace(dsn, "n2", slow);
  REQUIRE(becomes([&] { return two->place->ready && two->owned() > 0; }));
  REQUIRE(two->leave());
  two.reset();
  CHECK(becomes([&] { return one.owned() == all; }));
  CHECK(audit.number("select count(*) from nodes") == 1);
  audit.check();
}

TEST_CASE("the shards of a node that dies go to the others, spread, when its "
          "lease has ended") {
  auto dsn = fresh_database();
  ownership_audit audit{dsn};
  cluster_node one{dsn, "n1"};
  cluster_node two{dsn, "n2"};
  cluster_node three{dsn, "n3"};
  REQUIRE(becomes([&] {
    return one.place->ready && two.place->ready && three.place->ready
           && one.owned() + two.owned() + three.owned() == all;
  }));
  auto before_one = one.owned();
  auto before_two = two.owned();
  three.stop_owner();
  // On a busy machine one of them may miss its lease meanwhile; it gets its
  // share back.
  CHECK(becomes([&] {
    return one.owned() > before_one && two.owned() > before_two
           && one.owned() + two.owned() == all;
  }));
  // What it believes it owns it may not write: its lease is over, too.
  CHECK(three.owned() == 0);
  audit.check();

  // It goes on, as one that was frozen: it sees what it has lost, and is given
  // its share again once it has settled.
  three.start_owner();
  CHECK(becomes([&] {
    return three.owned() > 0
           && one.owned() + two.owned() + three.owned() == all;
  }));
  audit.check();
}

TEST_CASE("a process that takes the name of another has its shards at once, "
          "and the other ends") {
  auto dsn = fresh_database();
  ownership_audit audit{dsn};
  options slow;
  slow.lease.lease = 60s;
  slow.settle = 60s;
  cluster_node old{dsn, "n1", slow};
  REQUIRE(becomes([&] { return old.owned() == all; }));
  cluster_node young{dsn, "n1", slow};
  CHECK(becomes([&] { return young.owned() == all; }));
  CHECK(young.place->self() == node_id{"n1#2"});
  REQUIRE(becomes([&] { return !old.ended().empty(); }));
  CHECK_THAT(old.ended().front(), Catch::Contains("another process"));
  CHECK(old.owned() == 0);
  audit.check();
}

TEST_CASE("nobody takes from anybody after an outage of the database") {
  auto dsn = fresh_database();
  ownership_audit audit{dsn};
  cluster_node one{dsn, "n1"};
  cluster_node two{dsn, "n2"};
  REQUIRE(becomes([&] {
    return one.place->ready && two.place->ready
           && one.owned() + two.owned() == all;
  }));
  auto claims = audit.claims();
  auto share = one.owned();
  auto ended = one.runs.asked + two.runs.asked;
  // No renewal comes through until all leases have ended.
  run_sql(audit.db(), "begin; lock table nodes in access exclusive mode");
  REQUIRE(becomes([&] { return one.owned() == 0 && two.owned() == 0; }));
  std::this_thread::sleep_for(1s);
  run_sql(audit.db(), "commit");
  CHECK(becomes([&] { return one.owned() + two.owned() == all; }));
  // Longer than a lease: whoever wanted to would have done it by now.
  std::this_thread::sleep_for(1'500ms);
  CHECK(one.owned() == share);
  CHECK(audit.claims() == claims);
  CHECK(one.runs.asked + two.runs.asked == ended);
}

TEST_CASE("a node whose wall clock is wrong is a node like any other") {
  auto dsn = fresh_database();
  ownership_audit audit{dsn};
  options behind;
  behind.clock_wrong = -30h;
  options ahead;
  ahead.clock_wrong = 30h;
  cluster_node one{dsn, "n1", behind};
  cluster_node two{dsn, "n2", ahead};
  CHECK(becomes([&] {
    return one.place->ready && two.place->ready
           && one.owned() + two.owned() == all;
  }));
  two.stop_owner();
  CHECK(becomes([&] { return one.owned() == all; }));
  audit.check();
}

TEST_CASE("a node without the role is a member and owns nothing") {
  auto dsn = fresh_database();
  options guest;
  guest.owns = false;
  cluster_node door{dsn, "door", guest};
  CHECK(becomes([&] { return door.place->ready.load(); }));
  cluster_node one{dsn, "n1"};
  CHECK(becomes([&] { return one.owned() == all; }));
  CHECK(door.owned() == 0);
}

TEST_CASE("a node of another cluster is told which one uses the database") {
  auto dsn = fresh_database();
  cluster_node one{dsn, "n1"};
  REQUIRE(becomes([&] { return one.owned() == all; }));
  options elsewhere;
  elsewhere.cluster = "other";
  cluster_node stranger{dsn, "n2", elsewhere};
  REQUIRE(becomes([&] { return !stranger.ended().empty(); }));
  CHECK_THAT(stranger.ended().front(), Catch::Contains("\"test\""));
  CHECK(one.owned() == all);
}

TEST_CASE("a node that has had no lease for long ends") {
  auto dsn = fresh_database();
  options impatient;
  impatient.exit_after = 1'500ms;
  cluster_node one{dsn, "n1", impatient};
  REQUIRE(becomes([&] { return one.owned() == all; }));
  auto session = connect(dsn);
  run_sql(session, "begin; lock table nodes in access exclusive mode");
  REQUIRE(becomes([&] { return !one.ended().empty(); }));
  CHECK_THAT(one.ended().front(), Catch::Contains("no lease"));
  run_sql(session, "rollback");
}

TEST_CASE("a SHARD OWNER that is started anew goes on with what it had") {
  auto dsn = fresh_database();
  ownership_audit audit{dsn};
  cluster_node one{dsn, "n1"};
  REQUIRE(becomes([&] { return one.owned() == all; }));
  auto claims = audit.claims();
  one.stop_owner();
  one.start_owner();
  std::this_thread::sleep_for(1'200ms);
  CHECK(one.owned() == all);
  CHECK(audit.claims() == claims);
}

TEST_CASE("an idle node asks the database as often as it renews its lease") {
  auto dsn = fresh_database();
  options usual;
  usual.lease = {};
  cluster_node one{dsn, "n1", usual};
  REQUIRE(becomes([&] { return one.place->ready.load(); }));
  auto asked = [&] {
    std::istringstream lines{one.registry.render()};
    double sum = 0;
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with("shannon_store_queries_total{"))
        sum += std::stod(line.substr(line.rfind(' ')));
    return sum;
  };
  std::this_thread::sleep_for(1s);
  auto before = asked();
  std::this_thread::sleep_for(10s);
  auto queries = asked() - before;
  CHECK(queries >= 8);
  CHECK(queries <= 10); // three nodes: 3 a second
}

TEST_CASE("a process is never taken for one of its name that has left") {
  auto dsn = fresh_database();
  std::string first;
  {
    cluster_node node{dsn, "n1"};
    REQUIRE(becomes([&] { return !node.place->self().empty(); }));
    first = node.place->self().value;
    REQUIRE(node.leave());
  }
  cluster_node again{dsn, "n1"};
  REQUIRE(becomes([&] { return !again.place->self().empty(); }));
  CHECK(first == "n1#1");
  CHECK(again.place->self().value == "n1#2");
}

TEST_CASE("a member is known by its roles, its host and where it is linked") {
  auto dsn = fresh_database();
  options linked;
  linked.roles = {"gateway", "llm"};
  linked.host = "n1.example";
  linked.link = "n1.example:7001";
  cluster_node one{dsn, "n1", linked};
  cluster_node two{dsn, "n2"};
  auto member = [&](const cluster_node& seen_by,
                    const std::string& name) -> std::optional<cluster::member> {
    auto view = store::pg_connection::open({dsn}).and_then([&](auto db) {
      return store::renew(db, {seen_by.place->self(), 900ms, 400ms});
    });
    if (view)
      for (const auto& found : view->members)
        if (cluster::name_of(found.id) == name)
          return found;
    return std::nullopt;
  };
  REQUIRE(becomes([&] { return member(two, "n1") && member(one, "n2"); }));
  for (const auto* from : {&one, &two}) {
    auto first = member(*from, "n1");
    REQUIRE(first);
    CHECK(first->roles == linked.roles);
    CHECK(first->host == "n1.example");
    CHECK(first->link == "n1.example:7001");
    auto second = member(*from, "n2");
    REQUIRE(second);
    CHECK(second->roles.empty());
    CHECK(second->link.empty());
  }
}
