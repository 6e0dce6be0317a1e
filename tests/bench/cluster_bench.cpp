// Three nodes against one with as many threads, on this machine: whole nodes
// from a manifest, the scripted upstream as their model, tasks of ten steps
// (five model calls, four tools, the list of tools). Figures, not a test: what
// it checks is that every task was carried out.

#include "actors/store/pg_connection.hpp"
#include "tests/bench/load_client.hpp"
#include "tests/bench/report.hpp"
#include "tests/cluster/real_cluster.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

using namespace shannon;
using namespace std::chrono_literals;

namespace {

constexpr unsigned rounds = 3;
constexpr unsigned threads = 6; // In all.
constexpr int clients = 24;     // At each gateway: their number over 3.

int tasks_wanted() {
  const char* wanted = std::getenv("TASKS");
  return wanted ? std::atoi(wanted) : 3'000;
}

std::string post_task() {
  std::string body = R"({"query":"[[steps:4]] what is it?","mode":"simple"})";
  return "POST /api/v1/tasks HTTP/1.1\r\nHost: localhost\r\n"
         "Content-Type: application/json\r\nContent-Length: "
         + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// Tasks a second, from the first request to the last end on disk.
double rate_of(unsigned nodes) {
  const std::string roles
      = "gateway, orchestrator, agent, llm, tool, browser, inspector";
  test::real_cluster cluster{std::vector<std::string>(nodes, roles),
                             {},
                             "  workers: " + std::to_string(threads / nodes)
                                 + "\n"};
  for (unsigned i = 0; i < nodes; ++i)
    cluster.start(i);
  for (unsigned i = 0; i < nodes; ++i)
    cluster.await_ready(i);
  std::this_thread::sleep_for(5s); // Newcomers have their shares by then.
  auto db = store::pg_connection::open({cluster.dsn()});
  REQUIRE(db);
  auto ended = [&] {
    auto got = db->exec("select count(*) from shannon.heads "
                        "where kind = 'workflow' and status = 3");
    REQUIRE(got);
    return std::stoi(got->text(0, 0));
  };
  const auto wanted = tasks_wanted();
  auto share = wanted / static_cast<int>(nodes);
  std::vector<int> refused(nodes);
  auto begun = std::chrono::steady_clock::now();
  std::vector<std::thread> gateways;
  for (unsigned i = 0; i < nodes; ++i)
    gateways.emplace_back([&, i] {
      int left = share;
      bench::load_work work;
      work.next = [&]() -> std::optional<bench::load_request> {
        return left-- > 0 ? std::optional{bench::load_request{post_task()}}
                          : std::nullopt;
      };
      work.answered = [&](const auto&, const bench::http_reply& reply) {
        refused[i] += reply.status != 200;
      };
      bench::load_client load{cluster.port(i),
                              clients / static_cast<int>(nodes)};
      load.run(work, begun + 300s);
    });
  for (auto& one : gateways)
    one.join();
  auto given_up = begun + 300s;
  while (ended() < share * static_cast<int>(nodes)
         && std::chrono::steady_clock::now() < given_up)
    std::this_thread::sleep_for(20ms);
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  CHECK(std::all_of(refused.begin(), refused.end(),
                    [](int count) { return count == 0; }));
  CHECK(ended() == share * static_cast<int>(nodes));
  return share * nodes / took.count();
}

} // namespace

TEST_CASE("three nodes do as much as one with as many threads") {
  std::vector<double> one, three, ratio;
  for (unsigned round = 0; round < rounds; ++round) {
    one.push_back(rate_of(1));
    three.push_back(rate_of(3));
    ratio.push_back(three.back() / one.back());
  }
  bench::report all;
  all.figures["cluster"] = {{"tasks_per_s_1_node", bench::median(one)},
                            {"tasks_per_s_3_nodes", bench::median(three)},
                            {"ratios", ratio}};
  all.at_least("ten steps: 3 nodes over 1 with as many threads",
               bench::median(ratio), 0.8);
  std::fprintf(stderr, "%s\n", all.table().c_str());
  std::printf("%s\n", all.to_json().dump(2).c_str());
}
