// `shannon cluster` as a person uses it: three nodes of one manifest on this
// machine, over one database.

#include "config/keys.hpp"
#include "nodes/commands/cluster_state.hpp"
#include "tests/kit/postgres_fixture.hpp"
#include "tests/nodes/process.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;
using commands::plan_step;

namespace {

/// A manifest of three nodes on free ports, and a folder for what they write.
struct installation {
  installation() {
    std::string pattern
        = (std::filesystem::temp_directory_path() / "shannon-cluster-XXXXXX")
              .string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    folder = pattern;
    manifest = folder + "/cluster.yaml";
    std::ofstream out{manifest};
    out << "cluster: trio\ntool: {workspace_dir: " << folder
        << "/work}\nnodes:\n";
    for (const char* name : {"n1", "n2", "n3"})
      out << "- name: " << name
          << "\n  roles: [gateway, orchestrator, agent, llm, tool]\n"
             "  http: {listen: \"127.0.0.1:"
          << closed_port() << "\", admin_listen: \"127.0.0.1:" << closed_port()
          << "\"}\n";
  }

  ~installation() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }

  std::vector<std::string> command(const std::string& action) const {
    std::vector<std::string> all{"cluster", action, "--manifest", manifest};
    if (action == "start" || action == "stop")
      all.insert(all.end(), {"--data", folder + "/data"});
    if (action == "start")
      all.emplace_back("--dev");
    return all;
  }

  outcome run(const std::string& action,
              std::vector<std::string> more = {}) const {
    auto all = command(action);
    all.insert(all.end(), more.begin(), more.end());
    return run_shannon(all, surroundings());
  }

  environment surroundings() const {
    return {"SHANNON_DATABASE_URL=" + dsn,
            "SHANNON_REDIS_URL=", "OPENAI_API_KEY=", "ANTHROPIC_API_KEY="};
  }

  std::string dsn = fresh_database();
  std::string folder;
  std::string manifest;
};

/// What stands behind the last `before` in a text, up to white space.
std::string word_after(const std::string& text, const std::string& before) {
  auto at = text.rfind(before);
  REQUIRE(at != std::string::npos);
  auto from = at + before.size();
  return text.substr(from, text.find_first_of(" ,\n", from) - from);
}

} // namespace

TEST_CASE("the nodes of a manifest are started, looked after and ended") {
  installation it;
  auto before = it.run("plan");
  INFO(before.out << before.err);
  CHECK(before.code == 0);
  CHECK(before.out.find("start    n2") != std::string::npos);
  CHECK(it.run("status").code == 1);
  CHECK(it.run("stop").code == 3);

  auto start = it.command("start");
  start.insert(start.begin(), SHANNON_BINARY);
  process cluster{start, it.surroundings()};
  for (const char* name : {"n1", "n2", "n3"}) {
    bool ready = cluster.await("ready " + std::string{name}, 60s);
    INFO(cluster.out() << cluster.err());
    REQUIRE(ready);
  }
  auto status = it.run("status");
  INFO(status.out << status.err);
  CHECK(status.code == 0);
  auto seen = nlohmann::json::parse(it.run("status", {"--json"}).out);
  int shards = 0;
  for (const auto& node : seen["nodes"]) {
    CHECK(node["state"] != "gone");
    shards += node["shards"].get<int>();
  }
  CHECK(shards == 256);
  auto after = it.run("plan");
  INFO(after.out);
  CHECK(after.out.find("keep     n3") != std::string::npos);
  // Two on one folder would start each node twice.
  CHECK(it.run("start").err.find("is in use by process") != std::string::npos);

  auto pid = std::stoi(word_after(cluster.err(), "n2 started, process "));
  ::kill(pid, SIGKILL);
  REQUIRE(cluster.await("n2 was ended by signal 9", 20s));
  auto until = std::chrono::steady_clock::now() + 40s;
  while (std::chrono::steady_clock::now() < until) {
    // The next process of that name has come, and has its share.
    seen = nlohmann::json::parse(it.run("status", {"--json"}).out);
    if (seen["nodes"][1]["process"] == "n2#2" && seen["shards"]["orphaned"] == 0
        && seen["nodes"][1]["shards"] > 0)
      break;
    std::this_thread::sleep_for(100ms);
  }
  CHECK(seen["nodes"][1]["process"] == "n2#2");
  CHECK(seen["shards"]["orphaned"] == 0);

  CHECK(it.run("drain", {"n9"}).err.find("it has n1, n2, n3")
        != std::string::npos);
  auto drained = it.run("drain", {"n3"});
  INFO(drained.out << drained.err);
  CHECK(drained.code == 0);
  CHECK(cluster.await("n3 was drained, and is not started again", 10s));
  // In order: nobody waits for a lease, and others have its shards at once.
  until = std::chrono::steady_clock::now() + 10s;
  do {
    seen = nlohmann::json::parse(it.run("status", {"--json"}).out);
  } while (seen["shards"]["free"] != 0
           && std::chrono::steady_clock::now() < until);
  CHECK(seen["shards"]["free"] == 0);
  CHECK(seen["shards"]["orphaned"] == 0);
  CHECK(seen["nodes"][2]["state"] == "not there");
  CHECK(it.run("drain", {"n3"}).err.find("n3 does not run")
        != std::string::npos);
  cluster.signal(SIGHUP);
  until = std::chrono::steady_clock::now() + 40s;
  do {
    seen = nlohmann::json::parse(it.run("status", {"--json"}).out);
  } while (seen["nodes"][2]["process"] != "n3#2"
           && std::chrono::steady_clock::now() < until);
  CHECK(seen["nodes"][2]["process"] == "n3#2");

  CHECK(it.run("stop").code == 0);
  auto end = cluster.wait(10s);
  INFO(end.err);
  CHECK(end.code == 0);
  // They left in order: nothing is waited for.
  seen = nlohmann::json::parse(it.run("status", {"--json"}).out);
  CHECK(seen["shards"]["free"] == 256);
  for (const auto& node : seen["nodes"])
    CHECK(node["state"] == "not there");
}

TEST_CASE("nodes end with who looks after them, however that ends") {
  installation it;
  auto start = it.command("start");
  start.insert(start.begin(), SHANNON_BINARY);
  process cluster{start, it.surroundings()};
  REQUIRE(cluster.await("ready n1", 60s));
  cluster.signal(SIGKILL);
  cluster.wait(5s);
  auto until = std::chrono::steady_clock::now() + 20s;
  int live = 3;
  while (live > 0 && std::chrono::steady_clock::now() < until) {
    auto status = it.run("status", {"--json"});
    if (status.out.empty()) {
      WARN("asked again: " << status.err);
      continue;
    }
    live = 0;
    auto seen = nlohmann::json::parse(status.out);
    for (const auto& node : seen["nodes"])
      live += node["state"] == "live" || node["state"] == "settling";
    std::this_thread::sleep_for(50ms);
  }
  CHECK(live == 0);
}

TEST_CASE("nothing is started from a manifest with a mistake") {
  installation it;
  std::ofstream{it.manifest, std::ios::app}
      << "- name: n3\n  roles: [gateway]\n";
  for (const char* action : {"plan", "start", "status", "stop"}) {
    auto got = it.run(action);
    INFO(action << ": " << got.err);
    CHECK(got.code == 1);
    CHECK(got.err.find("cluster.yaml:") != std::string::npos);
    CHECK(got.err.find("two nodes are named n3") != std::string::npos);
  }
}

TEST_CASE("nodes of other machines are theirs to start") {
  installation it;
  auto got = it.run("start", {"--host", "elsewhere.internal"});
  CHECK(got.code == 1);
  CHECK(got.err.find("--host") != std::string::npos);
}

TEST_CASE("a plan says what differs, and ends nothing by itself") {
  config::manifest wanted;
  wanted.nodes.resize(4);
  commands::cluster_state found;
  for (int i = 0; i < 4; ++i) {
    auto& node = wanted.nodes[static_cast<std::size_t>(i)];
    node.node.name = "n" + std::to_string(i + 1);
    node.node.roles = {"gateway", "llm"};
    node.http.listen = "127.0.0.1:0"; // any
    node.http.admin_listen = "127.0.0.1:0";
    commands::seen_node seen;
    seen.name = node.node.name;
    seen.roles = {"llm", "gateway"};
    seen.api = "127.0.0.1:1234";
    seen.version = "1";
    seen.left = 1s;
    found.nodes.push_back(seen);
  }
  found.nodes[1].left = -5s;
  found.nodes[2].roles = {"llm"};
  found.nodes[3].name = "stranger";
  auto plan = plan_of(wanted, found, "1");
  REQUIRE(plan.size() == 5);
  CHECK(plan[0].what == plan_step::keep);
  CHECK(plan[1].what == plan_step::start);
  CHECK(plan[2].what == plan_step::restart);
  CHECK(plan[2].why == "plays llm; the manifest says gateway, llm");
  CHECK(plan[3].what == plan_step::start);
  CHECK(plan[4].what == plan_step::end);
  CHECK(plan[4].node == "stranger");
  CHECK(plan_of(wanted, found, "2")[0].what == plan_step::restart);
  wanted.nodes[0].http.listen = "127.0.0.1:1235";
  CHECK(plan_of(wanted, found, "1")[0].what == plan_step::restart);
}

namespace {

/// A manifest of one node, which runs as it says.
struct running_node {
  running_node() {
    node.node.name = seen.name = "n1";
    seen.left = 1s;
    seen.api = node.http.listen;
    seen.admin = node.http.admin_listen;
  }
  commands::plan_line step() const {
    return plan_of(wanted, found, "").at(0);
  }

  config::manifest wanted;
  commands::cluster_state found;
  config::settings& node = wanted.nodes.emplace_back();
  commands::seen_node& seen = found.nodes.emplace_back();
};

} // namespace

TEST_CASE("a plan names each setting that has changed, and no secret") {
  running_node it;
  auto& node = it.node;
  auto& seen = it.seen;
  node.llm.concurrent_calls_max = 48;
  seen.settings = config::chosen_settings(node);
  CHECK(seen.settings
        == std::vector<std::string>{"llm.concurrent_calls_max=48"});
  CHECK(it.step().what == plan_step::keep);
  node.llm.concurrent_calls_max = 32;
  node.run.runs_max = 7;
  CHECK(it.step().what == plan_step::restart);
  CHECK(it.step().why
        == "goes by llm.concurrent_calls_max 48; the manifest says 32, "
           "run.runs_max the default; the manifest says 7");
  node.redis_url = "redis://:hunter2@127.0.0.1:6379";
  for (const auto& line : config::chosen_settings(node))
    CHECK(line.find("hunter2") == std::string::npos);
}

TEST_CASE("a plan compares where nodes are linked") {
  running_node it;
  auto& node = it.node;
  auto& seen = it.seen;
  node.node.host = "10.0.0.1";
  CHECK(it.step().what == plan_step::keep);
  node.link.listen = "0.0.0.0:7000";
  CHECK(it.step().what == plan_step::restart);
  CHECK(it.step().why == "has no links; the manifest says 0.0.0.0:7000");
  seen.link = "10.0.0.1:7000";
  CHECK(it.step().what == plan_step::keep);
  node.link.listen = "10.0.0.2:7000";
  CHECK(it.step().what == plan_step::restart);
  node.link.listen = "localhost:7000"; // Its address is known there.
  CHECK(it.step().what == plan_step::keep);
  node.link.listen = "localhost:7001";
  CHECK(it.step().what == plan_step::restart);
  node.link.listen.clear();
  CHECK(it.step().why == "is linked at 10.0.0.1:7000; the manifest says none");
}
