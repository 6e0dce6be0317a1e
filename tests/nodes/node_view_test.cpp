#include "nodes/commands/node_choice.hpp"
#include "nodes/commands/node_view.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::commands;
using nlohmann::json;

namespace {

const terminal plain{-1};

json node(const std::string& name, const std::string& address) {
  return {{"name", name},
          {"kind", name},
          {"address", address},
          {"state", "running"},
          {"restarts", 0},
          {"last_error", ""},
          {"mailbox_depth", 0},
          {"oldest_ms", nullptr},
          {"messages_total", 12},
          {"messages_per_s", 1.5},
          {"rejected_total", 0},
          {"since", "2026-11-26T10:11:12.345Z"},
          {"groups", json::array()},
          {"children", json::array()}};
}

json small_tree() {
  auto root = node("root", "supervisor/root");
  auto workflows = node("workflows", "workflow");
  workflows["groups"].push_back({{"kind", "workflow"},
                                 {"actors", 1'204},
                                 {"busy", 3},
                                 {"mailbox_depth", 5},
                                 {"oldest_ms", 12.5},
                                 {"messages_total", 9'000},
                                 {"rejected_total", 0},
                                 {"groups", json::array()}});
  auto llm = node("llm", "llm");
  llm["state"] = "backing_off";
  llm["last_error"] = "models.yaml\nis gone";
  llm["restarts"] = 4;
  root["children"] = {workflows, llm};
  return root;
}

shown_actor row(const std::string& address, const std::string& parent) {
  return actor_of({{"address", address}, {"kind", "k"}, {"parent", parent}});
}

seen_node seen(const std::string& name, int left_ms, const std::string& admin) {
  seen_node out;
  out.name = name;
  out.left = std::chrono::milliseconds{left_ms};
  out.admin = admin;
  out.host = "10.0.0.1";
  return out;
}

} // namespace

TEST_CASE("a row of a list over several nodes says whose it is") {
  auto one = actor_of({{"address", "browser_session/a"}, {"node", "n2"}});
  CHECK(one.name == "browser_session/a@n2");
  CHECK(one.address == "browser_session/a");
  CHECK(row("store", "supervisor/root").name == "store");
}

TEST_CASE("a tree is drawn with branches, and counts what is many") {
  auto text = tree_text(tree_of(small_tree()), plain);
  CHECK(text.find("\nroot  ") != std::string::npos);
  CHECK(text.find("\n├── workflows  ") != std::string::npos);
  CHECK(text.find("\n│   └── 1204 x workflow  ") != std::string::npos);
  CHECK(text.find("3 busy") != std::string::npos);
  CHECK(text.find("12 ms") != std::string::npos);
  CHECK(text.find("\n└── llm  ") != std::string::npos);
  CHECK(text.find("models.yaml is gone") != std::string::npos);
  CHECK(text.find("2026-11-26T10:11:12Z") != std::string::npos);
}

TEST_CASE("with all actors each stands below its parent, and once") {
  std::vector<shown_actor> all{row("supervisor/root", ""),
                               row("workflow", "supervisor/root"),
                               row("workflow/b", "workflow"),
                               row("tool/1", "workflow/b"),
                               row("stray", ""),
                               row("orphan", "nobody")};
  auto root = tree_with(small_tree(), all);
  REQUIRE(root.below.size() == 4);
  const auto& workflows = root.below[0];
  REQUIRE(workflows.below.size() == 1);
  CHECK(workflows.below[0].address == "workflow/b");
  REQUIRE(workflows.below[0].below.size() == 1);
  CHECK(workflows.below[0].below[0].address == "tool/1");
  CHECK(root.below[2].address == "stray");
  CHECK(root.below[3].address == "orphan");
}

TEST_CASE("actors that name each other as parents are still told") {
  auto root = tree_with(small_tree(), {row("a", "b"), row("b", "a")});
  CHECK(root.below.size() == 3);
}

TEST_CASE("what is no answer of a node is shown as nothing") {
  CHECK(actor_of(json::array()).address.empty());
  CHECK(actor_of({{"address", 7}, {"restarts", "x"}}).address.empty());
  CHECK(actors_text({}, plain).empty());
  CHECK(tree_of(json{}).below.empty());
}

TEST_CASE("ages are told in two words at most") {
  CHECK(age_text({}) == "-");
  CHECK(age_text(0.25) == "250 us");
  CHECK(age_text(12.9) == "12 ms");
  CHECK(age_text(3'400) == "3.4 s");
  CHECK(age_text(123'000) == "2 min 3 s");
  CHECK(age_text(7'500'000) == "2 h 5 min");
}

TEST_CASE("a node is chosen by its name among those that live") {
  cluster_state found;
  found.nodes = {seen("n1", 2'000, "127.0.0.1:8081"),
                 seen("n2", 2'000, "0.0.0.0:8082"), seen("n3", -80, "h:1")};
  auto one = named_node(found, "n2");
  REQUIRE(one);
  CHECK(one->admin.text() == "http://10.0.0.1:8082");
  auto gone = named_node(found, "n3");
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == errc::unavailable);
  CHECK(gone.error().text
        == "--node n3: expected one of n1, n2; its lease ended 80 ms ago");
  auto odd = named_node(found, "n9");
  REQUIRE_FALSE(odd);
  CHECK(odd.error().code == errc::not_found);
  CHECK(odd.error().text == "--node n9: expected one of n1, n2; it is unknown");
  auto live = live_nodes(found);
  REQUIRE(live);
  CHECK(live->size() == 2);
}
