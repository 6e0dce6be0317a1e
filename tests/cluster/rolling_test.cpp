// Nodes are drained and started again, one after the other, while clients come
// in through those that say they are ready. No request fails, no task is lost,
// and none notices.

#include "nodes/commands/api_client.hpp"
#include "tests/cluster/real_cluster.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;

namespace {

constexpr unsigned nodes = 3;
constexpr int clients = 4;

int rounds() {
  const char* wanted = std::getenv("SHANNON_ROUNDS");
  return wanted ? std::atoi(wanted) : 6;
}

/// As a balancer: asks each node every 50 ms whether it is ready, and gives
/// out one that was.
class balancer {
public:
  explicit balancer(const real_cluster& cluster) : cluster_(cluster) {
    for (unsigned i = 0; i < nodes; ++i)
      lookers_.emplace_back([this, i] { look(i); });
  }
  ~balancer() {
    done_ = true;
    for (auto& one : lookers_)
      one.join();
  }

  unsigned pick() {
    for (;;) {
      auto node = next_++ % nodes;
      if (ready_until_[node] > unix_now_us())
        return node;
      std::this_thread::sleep_for(1ms);
    }
  }

private:
  void look(unsigned node) {
    while (!done_) {
      commands::api_client client{
          *commands::parse_server_url("http://127.0.0.1:"
                                      + std::to_string(cluster_.port(node))),
          {}};
      // What it says holds for a while from when it was asked, however long
      // the answer took.
      auto asked = unix_now_us();
      auto ready
          = client.get("/health/ready", std::chrono::steady_clock::now() + 1s)
                .has_value();
      ready_until_[node] = ready ? asked + 250'000 : 0;
      std::this_thread::sleep_for(50ms);
    }
  }

  const real_cluster& cluster_;
  std::atomic<bool> done_{false};
  std::atomic<std::int64_t> ready_until_[nodes]{};
  std::atomic<unsigned> next_{0};
  std::vector<std::thread> lookers_;
};

/// What clients have seen.
struct outcome_count {
  std::mutex mutex;
  std::vector<std::string> tasks;
  std::vector<std::string> failures;
  std::atomic<int> told_to_wait{0};
};

void submit_until(const std::atomic<bool>& done, const real_cluster& cluster,
                  balancer& door, outcome_count& seen, int number) {
  for (int i = 0; !done; ++i) {
    auto node = door.pick();
    commands::api_client client{
        *commands::parse_server_url("http://127.0.0.1:"
                                    + std::to_string(cluster.port(node))),
        {}};
    auto got = client.post("/api/v1/tasks",
                           {{"query", "[[delay:300]] " + std::to_string(number)
                                          + "/" + std::to_string(i)},
                            {"mode", "simple"}},
                           std::chrono::steady_clock::now() + 30s);
    std::lock_guard guard{seen.mutex};
    if (got)
      seen.tasks.push_back((*got)["task_id"].get<std::string>());
    else if (got.error().retry_after)
      ++seen.told_to_wait;
    else
      seen.failures.push_back(cluster.name(node) + ": " + got.error().text);
  }
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
  outcome_count seen;
  std::atomic<bool> done{false};
  {
    balancer door{cluster};
    std::vector<std::thread> load;
    for (int i = 0; i < clients; ++i)
      load.emplace_back([&, i] { submit_until(done, cluster, door, seen, i); });
    for (int round = 0; round < rounds(); ++round) {
      auto node = static_cast<unsigned>(round) % nodes;
      auto end = cluster.stop(node);
      INFO(end.err);
      CHECK(end.code == 0);
      cluster.start(node);
      cluster.await_ready(node);
    }
    done = true;
    for (auto& one : load)
      one.join();
  }
  for (const auto& text : seen.failures)
    UNSCOPED_INFO(text);
  CHECK(seen.failures.empty());
  REQUIRE(seen.tasks.size() > 50);
  for (const auto& task : seen.tasks) {
    auto last = cluster.await_end(0, task, 30s);
    INFO(last.dump());
    CHECK(last["status"] == "TASK_STATUS_COMPLETED");
  }
  // No attempt failed, and none was made twice.
  std::map<std::string, int> attempts;
  for (const auto& call : cluster.calls())
    ++attempts[call.attempt_key];
  int disturbed = 0;
  for (const auto& [key, times] : attempts)
    if (times > 1 || key.substr(key.rfind('/')) != "/1") {
      ++disturbed;
      UNSCOPED_INFO(key << " seen " << times << " times");
    }
  WARN(rounds() << " restarts, " << seen.tasks.size() << " tasks, "
                << seen.told_to_wait << " told to come again, " << disturbed
                << " attempts repeated");
  CHECK(disturbed == 0);
}
