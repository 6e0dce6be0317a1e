// Nodes with one role each: tasks come in at one, are carried by others, and
// their effects are done by yet others. Each of them is lost in turn.

#include "tests/cluster/real_cluster.hpp"
#include "tests/store/sql.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;

namespace {

enum : unsigned { door, brain_1, brain_2, hands_1, hands_2, nodes };

const std::vector<std::string> roles{
    "gateway, inspector", "orchestrator, agent", "orchestrator, agent",
    "llm, tool, browser", "llm, tool"};

struct split_cluster {
  real_cluster all{roles};

  split_cluster() {
    for (unsigned i = 0; i < nodes; ++i)
      all.start(i);
    for (unsigned i = 0; i < nodes; ++i)
      all.await_ready(i);
  }

  std::string begin(const std::string& query) {
    auto id = all.submit(door, query);
    INFO(all.log(door));
    REQUIRE(id);
    return *id;
  }

  int calls_running(unsigned worker) {
    std::istringstream lines{all.page(worker, "/metrics", true)};
    double sum = 0;
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with("shannon_llm_calls_running"))
        sum += std::stod(line.substr(line.rfind(' ')));
    return static_cast<int>(sum);
  }

  /// Tasks with slow effects, until each worker has some of them: that depends
  /// on whom their owners have heard of by then, and with how much room.
  std::vector<std::string> begin_on_both_workers(const std::string& query
                                                 = "[[delay:6000]] slow") {
    constexpr std::size_t tasks_max = 64;
    std::vector<std::string> tasks;
    while (tasks.size() < 8 || calls_running(hands_1) == 0
           || calls_running(hands_2) == 0) {
      REQUIRE(tasks.size() < tasks_max);
      tasks.push_back(begin(query));
      all.await_call(tasks.back() + "/", 1, 20s);
    }
    return tasks;
  }

  /// All calls whose keys begin so end within `most` of that time.
  void await_ends(const std::map<std::string, std::int64_t>& since_us,
                  std::chrono::seconds most) {
    std::this_thread::sleep_for(most);
    std::size_t seen = 0;
    for (const auto& call : all.calls())
      for (const auto& [prefix, at_us] : since_us) {
        if (!call.attempt_key.starts_with(prefix))
          continue;
        ++seen;
        auto open_s = static_cast<double>(call.ended_us - at_us) / 1e6;
        INFO(call.attempt_key << " was open for " << open_s << " s more");
        CHECK(call.ended_us != 0);
        CHECK(open_s <= static_cast<double>(most.count()));
      }
    CHECK(seen >= since_us.size());
  }

  void completes(const std::string& task) {
    auto done = all.await_end(door, task, 60s);
    INFO(done.dump());
    CHECK(done["status"] == "TASK_STATUS_COMPLETED");
  }
};

double seconds_since(std::int64_t at_us) {
  return static_cast<double>(unix_now_us() - at_us) / 1e6;
}

} // namespace

TEST_CASE("a task may come in at one node, be carried by another and have its "
          "effects done by a third") {
  split_cluster cluster;
  std::vector<std::string> tasks;
  for (int i = 0; i < 12; ++i)
    tasks.push_back(cluster.begin("What is " + std::to_string(i) + " + 1?"));
  for (const auto& task : tasks)
    cluster.completes(task);
  // Sent again with the same key the same task is answered, by whoever has it.
  auto events = cluster.all.page(
      door, "/api/v1/tasks/" + tasks[0] + "/events?limit=100", false);
  CHECK(events.find("WORKFLOW_COMPLETED") != std::string::npos);

  SECTION("a command reaches it wherever it is") {
    auto slow = cluster.begin("[[delay:20000]] slow");
    cluster.all.await_call(slow + "/", 1, 20s);
    auto since = unix_now_us();
    REQUIRE(cluster.all.cancel(door, slow));
    auto done = cluster.all.await_end(door, slow, 20s);
    CHECK(done["status"] == "TASK_STATUS_CANCELLED");
    CHECK(seconds_since(since) < 5);
  }
  SECTION("when a node that carries tasks dies, the other goes on with them") {
    std::vector<std::string> slow;
    for (int i = 0; i < 8; ++i)
      slow.push_back(cluster.begin("[[delay:3000]] slow"));
    for (const auto& task : slow)
      cluster.all.await_call(task + "/", 1, 20s);
    cluster.all.kill(brain_1);
    for (const auto& task : slow)
      cluster.completes(task);
    // And new ones are taken for every shard.
    std::vector<std::string> more;
    for (int i = 0; i < 8; ++i)
      more.push_back(cluster.begin("What is 2 + 2?"));
    for (const auto& task : more)
      cluster.completes(task);
  }
}

TEST_CASE("effects of a worker that dies or freezes are tried elsewhere within "
          "three seconds, under the next key") {
  split_cluster cluster;
  auto blow = GENERATE(SIGKILL, SIGSTOP);
  auto tasks = cluster.begin_on_both_workers();
  std::set<std::string> first;
  for (const auto& call : cluster.all.calls())
    first.insert(call.attempt_key);
  auto at = unix_now_us();
  if (blow == SIGKILL)
    cluster.all.kill(hands_1);
  else
    cluster.all.signal(hands_1, SIGSTOP);
  for (const auto& task : tasks)
    cluster.completes(task);
  // Both workers had some of them; those of the dead one were called again.
  int again = 0;
  double worst = 0;
  for (const auto& call : cluster.all.calls()) {
    if (first.count(call.attempt_key) != 0
        || call.attempt_key.substr(call.attempt_key.rfind('/')) == "/1")
      continue;
    ++again;
    worst = std::max(worst, static_cast<double>(call.at_us - at) / 1e6);
  }
  WARN((blow == SIGKILL ? "killed: " : "frozen: ")
       << again << " effects tried again, the last after " << worst << " s");
  CHECK(again > 0);
  CHECK(static_cast<std::size_t>(again) < tasks.size());
  CHECK(worst <= 3);
  if (blow == SIGSTOP)
    cluster.all.signal(hands_1, SIGCONT);
}

TEST_CASE(
    "calls that a killed node had asked of a worker end with their tasks, "
    "though nobody stood in when these were cancelled") {
  split_cluster cluster;
  std::vector<std::string> tasks;
  for (int i = 0; i < 8; ++i)
    tasks.push_back(cluster.begin("[[delay:30000]] slow"));
  for (const auto& task : tasks)
    cluster.all.await_call(task + "/", 1, 20s);
  cluster.all.kill(brain_1);
  std::map<std::string, std::int64_t> cancelled_us;
  for (const auto& task : tasks) {
    // Whoever takes over is asked again until it is there.
    for (int i = 0; i < 20 && cancelled_us.count(task) == 0; ++i)
      if (cluster.all.cancel(door, task))
        cancelled_us[task] = unix_now_us();
    REQUIRE(cancelled_us.count(task) == 1);
  }
  cluster.await_ends(cancelled_us, 5s);
}

TEST_CASE(
    "an attempt that went on at a worker which was given up ends once that "
    "is back") {
  split_cluster cluster;
  auto tasks = cluster.begin_on_both_workers("[[delay:40000]] slow");
  std::map<std::string, std::int64_t> first;
  for (const auto& call : cluster.all.calls())
    first[call.attempt_key] = 0;
  cluster.all.signal(hands_1, SIGSTOP);
  // Made again elsewhere.
  std::set<std::string> lost;
  for (auto until = std::chrono::steady_clock::now() + 5s;
       lost.empty() || std::chrono::steady_clock::now() < until;) {
    REQUIRE(std::chrono::steady_clock::now() < until + 10s);
    for (const auto& call : cluster.all.calls())
      if (first.count(call.attempt_key) == 0)
        lost.insert(call.attempt_key.substr(0, call.attempt_key.rfind('/'))
                    + "/1");
    std::this_thread::sleep_for(100ms);
  }
  cluster.all.signal(hands_1, SIGCONT);
  std::map<std::string, std::int64_t> back_us;
  for (const auto& key : lost)
    back_us[key] = unix_now_us();
  WARN(lost.size() << " of " << tasks.size() << " were under way there");
  cluster.await_ends(back_us, 8s);
  for (const auto& task : tasks)
    CHECK(cluster.all.cancel(door, task));
}

TEST_CASE("a node whose appends take too long takes no task for a while, and "
          "nothing is left of one that it has not taken") {
  real_cluster one{1};
  one.start(0, {"SHANNON_RUN__APPEND_WAIT=1ms", "SHANNON_RUN__RUNS_MIN=1"});
  one.await_ready(0);
  std::vector<std::string> taken;
  bool refused = false;
  for (int i = 0; i < 100 && !refused; ++i) {
    auto task = one.submit(0, "[[delay:1000]] one of them");
    refused = !task;
    if (task)
      taken.push_back(*task);
  }
  CHECK(refused);
  REQUIRE_FALSE(taken.empty());
  auto db = connect(one.dsn());
  auto count = [&](const std::string& table) {
    return run_sql(db, "select count(*) from " + table).text(0, 0);
  };
  CHECK(count("heads where kind = 'workflow'") == std::to_string(taken.size()));
  CHECK(count("sessions") == std::to_string(taken.size()));
  for (const auto& task : taken)
    CHECK(one.await_end(0, task, 60s)["status"] == "TASK_STATUS_COMPLETED");
  CHECK(one.submit(0, "one more"));
  CHECK(one.stop(0).code == 0);
}
