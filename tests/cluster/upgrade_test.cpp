// Nodes of this version and of the next one, as upgrade/next.patch makes it,
// in one cluster. Not a test of ctest: `tests/cluster/upgrade/run` builds the
// other executable and names it in SHANNON_NEXT.

#include "tests/cluster/balanced_load.hpp"
#include "tests/cluster/real_cluster.hpp"
#include "tests/store/sql.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <string>
#include <vector>

using namespace shannon::test;
using namespace std::chrono_literals;

namespace {

std::string next_version() {
  const char* path = std::getenv("SHANNON_NEXT");
  if (!path)
    FAIL("SHANNON_NEXT must name the next version's executable: use "
         "tests/cluster/upgrade/run");
  return path;
}

std::string number(const real_cluster& cluster, const std::string& sql) {
  auto db = connect(cluster.dsn());
  return run_sql(db, sql).text(0, 0);
}

/// How many versions of the protocols the nodes that live now are built with.
std::string versions(const real_cluster& cluster) {
  return number(cluster, "select count(distinct schema) from nodes "
                         "where expires_at > now()");
}

/// Appends that have a field which this version does not know.
int unknown_facts(const real_cluster& cluster) {
  return std::stoi(number(cluster, "select count(*) from facts where "
                                   "position('of the next version'::bytea "
                                   "in facts) > 0"));
}

void verify(const real_cluster& cluster, const std::string& program) {
  process run{{program, "verify", "--dsn", cluster.dsn()}};
  auto end = run.wait();
  INFO(program << "\n" << end.out << end.err);
  CHECK(end.code == 0);
}

} // namespace

TEST_CASE("a cluster is upgraded and one node set back under load, and no "
          "request fails") {
  constexpr unsigned nodes = 3;
  real_cluster cluster{
      std::vector<std::string>(
          nodes, "gateway, orchestrator, agent, llm, tool, browser, inspector"),
      {},
      "  drain_notice: 1s\n"};
  for (unsigned i = 0; i < nodes; ++i)
    cluster.start(i);
  for (unsigned i = 0; i < nodes; ++i)
    cluster.await_ready(i);
  CHECK(versions(cluster) == "1");
  balanced_load load{cluster, nodes, 4};
  auto restart = [&](unsigned node, const std::string& program) {
    auto end = cluster.stop(node);
    INFO(end.err);
    CHECK(end.code == 0);
    cluster.run_as(node, program);
    cluster.start(node);
    cluster.await_ready(node);
  };
  for (unsigned i = 0; i < nodes; ++i) {
    restart(i, next_version());
    CHECK(versions(cluster) == (i + 1 < nodes ? "2" : "1"));
  }
  // It goes on with logs that the newer ones have begun.
  auto newer = unknown_facts(cluster);
  CHECK(newer > 0);
  restart(0, SHANNON_BINARY);
  CHECK(versions(cluster) == "2");
  restart(1, SHANNON_BINARY);
  load.finish();
  load.check(cluster, "3 upgrades and 2 steps back, "
                          + std::to_string(unknown_facts(cluster))
                          + " appends with fields of the next version");
  verify(cluster, SHANNON_BINARY);
  verify(cluster, next_version());
}

TEST_CASE("a task passes nodes of both versions, either way round") {
  auto old_first = GENERATE(true, false);
  real_cluster cluster{{"gateway", "orchestrator, agent", "llm, tool"}};
  for (unsigned i = 0; i < 3; ++i) {
    bool old = (i == 1) != old_first;
    cluster.run_as(i, old ? std::string{SHANNON_BINARY} : next_version());
    cluster.start(i);
  }
  for (unsigned i = 0; i < 3; ++i)
    cluster.await_ready(i);
  CHECK(versions(cluster) == "2");
  for (int i = 0; i < 10; ++i) {
    auto task = cluster.submit(0, "[[steps:3]] [[tools:2]] both ways");
    REQUIRE(task);
    auto last = cluster.await_end(0, *task, 60s);
    INFO(last.dump());
    CHECK(last["status"] == "TASK_STATUS_COMPLETED");
  }
  // The carrier of the runs writes them as its version does.
  CHECK((unknown_facts(cluster) > 0) == old_first);
  CHECK(cluster.calls().size() >= 40);
  verify(cluster, SHANNON_BINARY);
}
