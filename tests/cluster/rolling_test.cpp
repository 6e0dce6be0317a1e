// Nodes are drained and started again, one after the other, while clients come
// in through those that say they are ready. No request fails, no task is lost,
// and none notices.

#include "tests/cluster/balanced_load.hpp"
#include "tests/cluster/real_cluster.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <string>
#include <vector>

using namespace shannon::test;

namespace {

constexpr unsigned nodes = 3;

int rounds() {
  const char* wanted = std::getenv("SHANNON_ROUNDS");
  return wanted ? std::atoi(wanted) : 6;
}

} // namespace

TEST_CASE(
    "nodes restart one after the other under load, and no request fails") {
  real_cluster cluster{
      std::vector<std::string>(
          nodes, "gateway, orchestrator, agent, llm, tool, browser, inspector"),
      {},
      "  drain_notice: 1s\n"};
  for (unsigned i = 0; i < nodes; ++i)
    cluster.start(i);
  for (unsigned i = 0; i < nodes; ++i)
    cluster.await_ready(i);
  balanced_load load{cluster, nodes, 4};
  for (int round = 0; round < rounds(); ++round) {
    auto node = static_cast<unsigned>(round) % nodes;
    auto end = cluster.stop(node);
    INFO(end.err);
    CHECK(end.code == 0);
    cluster.start(node);
    cluster.await_ready(node);
  }
  load.finish();
  load.check(cluster, std::to_string(rounds()) + " restarts");
}
