// Real processes over one database: one of them is killed, frozen, ended in
// order or joins, while tasks are under way on all of them. No task is lost,
// none is carried by two, and others go on within seconds.

#include "tests/bench/costs.hpp"
#include "tests/cluster/ownership_audit.hpp"
#include "tests/cluster/real_cluster.hpp"
#include "tests/kit/postgres_fixture.hpp"
#include "tests/kit/seed.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <random>
#include <sstream>
#include <string>
#include <thread>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;

namespace {

constexpr unsigned nodes = 3;
constexpr int tasks_at_once = 4;
/// A task whose call is answered before the blow falls says nothing.
constexpr auto call_takes = 6s;
const std::string slow
    = "[[delay:" + std::to_string(std::chrono::milliseconds{call_takes}.count())
      + "]] ";

int rounds() {
  const char* wanted = std::getenv("SHANNON_ROUNDS");
  return wanted ? std::atoi(wanted) : 4;
}

struct takeovers {
  std::vector<double> seconds;

  void report(const char* what) {
    REQUIRE_FALSE(seconds.empty());
    std::sort(seconds.begin(), seconds.end());
    auto at = [&](double share) {
      return seconds[static_cast<std::size_t>(
          share * static_cast<double>(seconds.size() - 1) + 0.5)];
    };
    WARN(what << ": " << seconds.size() << " tasks, p50 " << at(0.5)
              << " s, p99 " << at(0.99) << " s, worst " << seconds.back());
    CHECK(at(0.99) <= limit);
  }
  double limit = 5;
};

struct world {
  // What is under way is cut at once: else a node that ends waits for it.
  real_cluster cluster{
      std::vector<std::string>(
          nodes, "gateway, orchestrator, agent, llm, tool, browser, inspector"),
      "membership: {finish: 500ms, settle: 1s}\n"};
  ownership_audit audit{cluster.dsn()};
  std::vector<std::string> tasks;

  void start_all() {
    for (unsigned i = 0; i < nodes; ++i)
      cluster.start(i);
    for (unsigned i = 0; i < nodes; ++i)
      cluster.await_ready(i);
  }

  /// Tasks of this node whose model call is under way.
  std::vector<std::string> begin_tasks(unsigned node, int count) {
    std::vector<std::string> mine;
    for (int i = 0; i < count; ++i) {
      auto id = cluster.submit(node, slow + std::to_string(tasks.size()));
      REQUIRE(id);
      tasks.push_back(*id);
      mine.push_back(*id);
    }
    for (const auto& id : mine)
      cluster.await_call(id + "/", 1, 20s);
    return mine;
  }

  bool owns(const std::string& name, bool some) {
    auto count = audit.number("select count(*) from shards where owner like '"
                              + name + "#%'");
    return (count > 0) == some;
  }

  void await_owns(const std::string& name, bool some) {
    auto until = std::chrono::steady_clock::now() + 30s;
    while (!owns(name, some)) {
      REQUIRE(std::chrono::steady_clock::now() < until);
      std::this_thread::sleep_for(10ms);
    }
  }

  void finish(unsigned ask) {
    for (const auto& id : tasks)
      CHECK(cluster.await_end(ask, id, 60s)["status"]
            == "TASK_STATUS_COMPLETED");
    audit.check();
    auto verified = run_shannon({"verify", "--dsn", cluster.dsn()});
    INFO(verified.out << verified.err);
    CHECK(verified.code == 0);
  }
};

} // namespace

TEST_CASE("the tasks of a node that is killed go on at others within seconds") {
  auto seed = seed_of_test();
  WARN(repeat_with(seed));
  std::minstd_rand chance{seed};
  world it;
  it.start_all();
  takeovers found;
  for (int round = 0; round < rounds(); ++round) {
    auto victim = static_cast<unsigned>(chance()) % nodes;
    auto mine = it.begin_tasks(victim, tasks_at_once);
    // At any time between two renewals of its lease.
    std::this_thread::sleep_for(std::chrono::milliseconds{chance() % 1'000});
    auto killed_us = unix_now_us();
    it.cluster.kill(victim);
    for (const auto& id : mine)
      found.seconds.push_back(
          static_cast<double>(it.cluster.await_call(id + "/", 2, 30s)
                              - killed_us)
          / 1e6);
    CHECK(it.owns(it.cluster.name(victim), false));
    it.cluster.start(victim);
    it.cluster.await_ready(victim);
  }
  found.report("takeover after SIGKILL");
  it.finish(0);
}

TEST_CASE("a node that was frozen writes nothing when it wakes up, and is one "
          "of the cluster again") {
  auto seed = seed_of_test();
  WARN(repeat_with(seed));
  std::minstd_rand chance{seed};
  world it;
  it.start_all();
  auto mine = it.begin_tasks(0, tasks_at_once);
  std::this_thread::sleep_for(std::chrono::milliseconds{chance() % 1'000});
  auto frozen_us = unix_now_us();
  it.cluster.signal(0, SIGSTOP);
  takeovers found;
  found.limit = 10;
  for (const auto& id : mine)
    found.seconds.push_back(
        static_cast<double>(it.cluster.await_call(id + "/", 2, 30s) - frozen_us)
        / 1e6);
  // Its calls are answered then; it has not read that yet.
  std::this_thread::sleep_for(
      call_takes + 1s - std::chrono::microseconds{unix_now_us() - frozen_us});
  it.cluster.signal(0, SIGCONT);
  found.report("takeover after SIGSTOP");
  // Its own results come too late, and are refused.
  it.await_owns("n1", true);
  auto counts = it.cluster.page(0, "/metrics", true);
  INFO(counts);
  auto refused = [&](const char* how) {
    return counts.find("shannon_store_appends_total{outcome=\""
                       + std::string{how} + "\"}")
           != std::string::npos;
  };
  // By its own clock, or by what it was told when it had asked.
  CHECK((refused("unavailable") || refused("fenced")));
  it.finish(0);
}

TEST_CASE("a node that ends in order is not waited for, and one that joins is "
          "given its share, with tasks under way") {
  world it;
  it.start_all();
  auto mine = it.begin_tasks(1, tasks_at_once);
  auto ended_us = unix_now_us();
  auto end = it.cluster.stop(1);
  INFO(end.err);
  CHECK(end.code == 0);
  takeovers found;
  for (const auto& id : mine)
    found.seconds.push_back(
        static_cast<double>(it.cluster.await_call(id + "/", 2, 30s) - ended_us)
        / 1e6);
  found.report("hand-over after SIGTERM");
  it.begin_tasks(0, tasks_at_once);
  it.begin_tasks(2, tasks_at_once);
  it.cluster.start(1);
  it.cluster.await_ready(1);
  CHECK(it.owns("n2", true));
  it.finish(1);
}

TEST_CASE("a task is taken by the node that is asked, and by no other") {
  world it;
  it.start_all();
  // Each node names its tasks so that they are its own.
  for (unsigned i = 0; i < nodes; ++i)
    for (int n = 0; n < 8; ++n) {
      auto id = it.cluster.submit(i, "[[delay:1]] quick");
      REQUIRE(id);
      it.tasks.push_back(*id);
    }
  it.finish(2);
  // Every attempt was made once: nobody else carried them.
  auto calls = it.cluster.calls();
  std::sort(calls.begin(), calls.end(), [](const auto& a, const auto& b) {
    return a.attempt_key < b.attempt_key;
  });
  auto twice = std::adjacent_find(calls.begin(), calls.end(),
                                  [](const auto& a, const auto& b) {
                                    return a.attempt_key == b.attempt_key;
                                  });
  CHECK(twice == calls.end());
  CHECK(calls.size() >= it.tasks.size());
}

TEST_CASE("three idle nodes ask the database at most three times a second") {
  world it;
  it.start_all();
  auto asked = [&] {
    double sum = 0;
    for (unsigned i = 0; i < nodes; ++i) {
      std::istringstream lines{it.cluster.page(i, "/metrics", true)};
      for (std::string line; std::getline(lines, line);)
        if (line.starts_with("shannon_store_queries_total{"))
          sum += std::stod(line.substr(line.rfind(' ')));
    }
    return sum;
  };
  auto by_postgres = [] {
    return bench::family_cpu_seconds(postgres_server::shared().pid());
  };
  auto by_nodes = [&] {
    double sum = 0;
    for (unsigned i = 0; i < nodes; ++i)
      sum += bench::cpu_seconds(it.cluster.pid(i));
    return sum;
  };
  // Newcomers have been given their shares by then.
  std::this_thread::sleep_for(3s);
  auto before = asked();
  auto nodes_before = by_nodes();
  auto postgres_before = by_postgres();
  auto since = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(10s);
  auto nodes_cpu = by_nodes() - nodes_before;
  auto postgres_cpu = by_postgres() - postgres_before;
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - since;
  auto rate = (asked() - before) / took.count();
  WARN("idle: " << rate << " queries a second by " << nodes << " nodes, "
                << 100 * nodes_cpu / took.count() << " % of a core by them, "
                << 100 * postgres_cpu / took.count() << " % by Postgres");
  CHECK(rate <= 3.0);
  CHECK(rate > 2.0);
}
