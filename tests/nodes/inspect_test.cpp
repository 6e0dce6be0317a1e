// What a node shows of its inside, by the real program against a real node.

#include "nodes/commands/api_client.hpp"
#include "tests/nodes/own_node.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <thread>
#include <fstream>
#include <set>

using namespace std::chrono_literals;
using namespace shannon::test;
using nlohmann::json;

namespace {

struct fixture : own_node {
  outcome run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--data", data});
    return run_shannon(std::move(arguments),
                       {"SHANNON_DATABASE_URL=", "SHANNON_ADMIN_URL="});
  }
};

std::set<std::string> addresses_of(const json& rows) {
  std::set<std::string> out;
  for (const auto& row : rows)
    out.insert(row["address"].get<std::string>());
  return out;
}

} // namespace

TEST_CASE("a node shows its tree, its actors and who stands where") {
  fixture it;
  it.start();
  auto tree = it.run({"inspect"});
  INFO(tree.out << tree.err);
  REQUIRE(tree.code == 0);
  CHECK(tree.out.find("\nroot (supervisor)") != std::string::npos);
  CHECK(tree.out.find("├── store (event_store)") != std::string::npos);
  CHECK(tree.out.find("└── gateway  ") != std::string::npos);

  // The answer in the shape docs/operations.md tells.
  auto shape = json::parse(it.run({"inspect", "--json"}).out);
  for (const auto* name :
       {"name", "kind", "address", "state", "since", "restarts", "last_error",
        "mailbox_depth", "oldest_ms", "messages_total", "messages_per_s",
        "rate_over_ms", "rejected_total", "groups", "children"})
    CHECK(shape.contains(name));
  REQUIRE(shape["children"].size() > 5);

  auto all = json::parse(it.run({"inspect", "--all", "--json"}).out);
  auto found = addresses_of(all);
  CHECK(found.size() == all.size());
  for (const auto* who : {"supervisor/root", "store", "workflow", "gateway",
                          "inspector", "agent", "tool"})
    CHECK(found.count(who) == 1);
  auto store = std::find_if(all.begin(), all.end(), [](const auto& row) {
    return row["address"] == "store";
  });
  REQUIRE(store != all.end());
  CHECK((*store)["kind"] == "event_store");
  CHECK((*store)["parent"] == "supervisor/root");
  CHECK((*store)["state"] == "running");
  CHECK((*store)["messages_total"].get<int>() > 0);

  auto kind = it.run({"inspect", "--kind", "event_store"});
  CHECK(kind.code == 0);
  CHECK(std::count(kind.out.begin(), kind.out.end(), '\n') == 2);
  auto below = json::parse(
      it.run({"inspect", "--parent", "supervisor/root", "--json"}).out);
  CHECK(below.size() == shape["children"].size());
  CHECK(it.run({"inspect", "--all"}).out.find("├── store (event_store)")
        != std::string::npos);

  // By its name, which the database knows.
  auto named = it.run({"inspect", "--node", "local", "--kind", "gateway"});
  auto unknown = it.run({"inspect", "--node", "n9"});
  INFO(named.err << unknown.err);
  CHECK(unknown.code == 3);
  CHECK(unknown.err.find("--node n9: expected one of ") != std::string::npos);

  auto state = it.run({"inspect", "--state", "happy"});
  CHECK(state.code == 2);
  CHECK(state.err.find("expected one of starting, running, backing_off, ended")
        != std::string::npos);
  auto parent = it.run({"inspect", "--parent", "nobody/1"});
  CHECK(parent.code == 3);
  CHECK(parent.err.find("nobody/1") != std::string::npos);
  CHECK(it.stop().code == 0);
  CHECK(it.run({"inspect"}).code == 6);
}

TEST_CASE("top shows the busiest of one node or of all in the database") {
  fixture it;
  it.start();
  auto once = it.run({"top", "--once"});
  INFO(once.out << once.err);
  REQUIRE(once.code == 0);
  CHECK(once.out.find(" actors, ") != std::string::npos);
  CHECK(once.out.find("actor, by depth") != std::string::npos);
  // A pipe gets one snapshot, without being asked to.
  CHECK(it.run({"top", "--sort", "rate"}).out.find("actor, by rate")
        != std::string::npos);

  auto dsn = "host='" + it.data + "/postgres' user=shannon dbname=shannon";
  auto all = run_shannon({"top", "--once", "--json"},
                         {"SHANNON_DATABASE_URL=" + dsn});
  INFO(all.err);
  REQUIRE(all.code == 0);
  auto body = json::parse(all.out);
  REQUIRE(body["nodes"].size() == 1);
  CHECK(body["nodes"][0]["node"] == "local");
  CHECK(body["nodes"][0]["actors"].get<int>() > 8);
  CHECK(body["actors"][0]["node"] == "local");
  CHECK(run_shannon({"top", "--dsn", dsn, "--once"}).code == 0);
  CHECK(it.stop().code == 0);
  auto gone = it.run({"top", "--once"});
  CHECK(gone.code == 6);
  CHECK_FALSE(gone.err.empty());
}

TEST_CASE("the admin port tells runs, links and leases of a node") {
  fixture it;
  it.start();
  auto task = it.client({"submit", "What is 17 * 23?", "--wait"});
  REQUIRE(task.code == 0);
  std::ifstream noted{it.data + "/node.json"};
  auto where = shannon::commands::parse_server_url(
      json::parse(noted)["admin"].get<std::string>());
  REQUIRE(where);
  shannon::commands::api_client admin{*where, {}};
  auto tell = [&](const std::string& path) {
    auto got = admin.get(path);
    INFO(path << (got ? "" : got.error().text));
    REQUIRE(got);
    return *got;
  };
  auto leases = tell("/debug/leases");
  CHECK(leases["self"] == "local#1");
  CHECK(leases["lease_left_ms"].get<int>() > 0);
  REQUIRE(leases["nodes"].size() == 1);
  CHECK(leases["nodes"][0]["process"] == "local#1");
  CHECK(leases["nodes"][0]["shards"] == leases["shards_owned"]);
  CHECK(leases["nodes"][0]["shards_seen"] == leases["shards_owned"]);
  CHECK(leases["shards"].size() == leases["shards_owned"]);
  CHECK(tell("/debug/links")["links"].empty());
  // The task has ended, and soon everybody has heard of it who is to: then it
  // is no open run.
  auto runs = tell("/debug/workflows");
  for (int i = 0; i < 200 && !runs["workflows"].empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    runs = tell("/debug/workflows");
  }
  CHECK(runs["workflows"].empty());
  CHECK(runs["next"] == "");
  CHECK(it.stop().code == 0);
}
