// A node that has as many runs as it may: tasks that come in anywhere are
// carried by another that has room, unless their ids are not the gateway's to
// choose.

#include "tests/cluster/real_cluster.hpp"
#include "tests/gateway/raw_client.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

enum : unsigned { door, small, other, nodes };

constexpr const char* carries
    = "gateway, orchestrator, agent, llm, tool, inspector";

struct full_cluster {
  // Only the number of runs says that a node is full, not how slow the disk of
  // this machine happens to be.
  real_cluster all{{"gateway, inspector", carries, carries},
                   "run: {append_wait: 0ms}\n"};
  std::vector<raw_client> followers;
  std::string filler;

  /// `small` carries one run and has it; `other` as many as `room` says.
  explicit full_cluster(const std::vector<std::string>& room = {}) {
    all.start(door);
    all.start(small, {"SHANNON_RUN__RUNS_MAX=1"});
    all.start(other, room);
    for (unsigned i = 0; i < nodes; ++i)
      all.await_ready(i);
    await_shares();
    filler = fill(small);
  }

  /// Both have shards, and each node has read that they have.
  void await_shares() {
    for (auto until = std::chrono::steady_clock::now() + 60s;
         !knows_both(door) || !knows_both(small) || !knows_both(other);
         std::this_thread::sleep_for(100ms))
      REQUIRE(std::chrono::steady_clock::now() < until);
  }

  bool knows_both(unsigned node) {
    auto page = json::parse(all.page(node, "/debug/leases", true));
    const auto& known = page["nodes"];
    return std::count_if(known.begin(), known.end(),
                         [](const auto& one) { return one["shards_seen"] > 0; })
           == 2;
  }

  /// A task that stays in memory there, for it is followed.
  std::string fill(unsigned node) {
    auto task = all.submit(node, "[[delay:120000]] long");
    REQUIRE(task);
    followers.emplace_back(all.port(node));
    REQUIRE(followers.back().send("GET /api/v1/stream/sse?workflow_id=" + *task
                                  + " HTTP/1.1\r\nHost: node\r\n\r\n"));
    REQUIRE(followers.back().read_until("WORKFLOW_STARTED"));
    await_holds(node);
    return *task;
  }

  void await_holds(unsigned node) {
    for (auto until = std::chrono::steady_clock::now() + 10s;
         all.page(node, "/metrics", true)
             .find("shannon_run_active{kind=\"workflow\"} 1\n")
         == std::string::npos;
         std::this_thread::sleep_for(50ms))
      REQUIRE(std::chrono::steady_clock::now() < until);
  }

  raw_response post(unsigned node, const std::string& target, const json& body,
                    const std::string& key = {}) {
    raw_client one{all.port(node)};
    auto text = body.dump();
    REQUIRE(one.send("POST " + target + " HTTP/1.1\r\nHost: node\r\n"
                     + (key.empty() ? "" : "Idempotency-Key: " + key + "\r\n")
                     + "Content-Type: application/json\r\nContent-Length: "
                     + std::to_string(text.size()) + "\r\n\r\n" + text));
    auto got = one.response();
    INFO(all.log(node));
    REQUIRE(got);
    return *got;
  }

  raw_response submit(unsigned node, const std::string& key = {}) {
    return post(node, "/api/v1/tasks",
                {{"query", "What is 2 + 2?"}, {"mode", "simple"}}, key);
  }
};

std::string task_of(const raw_response& got) {
  return json::parse(got.body)["task_id"];
}

void check_refused(const raw_response& got) {
  INFO(got.body);
  CHECK(got.status == 503);
  CHECK(got.fields.count("retry-after") == 1);
}

} // namespace

TEST_CASE(
    "a task is carried where there is room, whichever node it came in at") {
  full_cluster it;
  std::vector<std::string> tasks;
  for (auto node : {door, small, other})
    for (int i = 0; i < 8; ++i) {
      auto got = it.submit(node);
      INFO(it.all.name(node) << ": " << got.body);
      REQUIRE(got.status == 200);
      tasks.push_back(task_of(got));
    }
  for (const auto& task : tasks)
    CHECK(it.all.await_end(door, task, 30s)["status"]
          == "TASK_STATUS_COMPLETED");
}

TEST_CASE("a chat with an agent is carried where there is room") {
  full_cluster it;
  for (auto node : {door, small}) {
    for (int i = 0; i < 4; ++i) {
      auto got
          = it.post(node, "/v1/chat/completions",
                    {{"model", "shannon-chat"},
                     {"messages", {{{"role", "user"}, {"content", "hi"}}}}});
      INFO(it.all.name(node) << ": " << got.body);
      CHECK(got.status == 200);
      // The id is that of the task which answered.
      auto task = it.all.await_end(door, got.fields["x-workflow-id"], 10s);
      CHECK(task["status"] == "TASK_STATUS_COMPLETED");
    }
  }
}

TEST_CASE(
    "a key says which node carries its task, also while that one is full") {
  full_cluster it;
  std::vector<std::string> refused;
  int taken = 0;
  for (int i = 0; i < 24; ++i) {
    auto key = "key-" + std::to_string(i);
    auto got = it.submit(i % 2 == 0 ? door : small, key);
    if (got.status == 200) {
      ++taken;
      continue;
    }
    check_refused(got);
    refused.push_back(key);
  }
  CHECK(taken > 0);
  REQUIRE_FALSE(refused.empty());
  check_refused(it.submit(other, refused.front()));
  REQUIRE(it.all.cancel(door, it.filler));
  it.all.await_end(door, it.filler, 10s);
  std::optional<raw_response> got;
  for (int i = 0; i < 50 && (!got || got->status != 200);
       ++i, std::this_thread::sleep_for(100ms))
    got = it.submit(door, refused.front());
  CHECK(got->status == 200);
}

TEST_CASE("a task that nobody has room for is refused at once") {
  full_cluster it{{"SHANNON_RUN__RUNS_MAX=1"}};
  it.fill(other);
  for (auto node : {door, small, other}) {
    auto since = std::chrono::steady_clock::now();
    check_refused(it.submit(node));
    CHECK(std::chrono::steady_clock::now() - since < 2s);
  }
}
