#include "actors/inspector/actor_groups.hpp"
#include "actors/inspector/actor_pages.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::inspector;
using namespace std::chrono_literals;

namespace {

struct fake {
  std::string address;
  std::string kind;
  std::uint64_t parent = 0;
  std::uint64_t depth = 0;
  std::uint64_t processed = 0;
  bool running = true;
  message_age oldest{};
  std::uint64_t restarts = 0;
  std::string last_error;
};

struct fake_node {
  std::map<std::uint64_t, fake> actors;
  tree_node root;
  rates known;
  std::size_t looked_max = 20'000;

  fake_node() {
    root = node("root", "supervisor", 1);
    actors[1] = {"supervisor/root", "supervisor"};
    root.children.push_back(node("store", "event_store", 2));
    root.children.back().restarts = 3;
    root.children.back().last_error = "boom";
    actors[2] = {"store", "event_store", 1};
    root.children.push_back(node("workflows", "workflow_activator", 3));
    actors[3] = {"workflow", "workflow_activator", 1};
  }

  static tree_node node(const std::string& name, const std::string& kind,
                        std::uint64_t number) {
    tree_node out;
    out.name = name;
    out.kind = kind;
    out.state = number == 0 ? child_state::backing_off : child_state::running;
    out.number = number;
    out.address = name == "root" ? "supervisor/root" : name;
    return out;
  }

  glances source() const {
    return [this](std::uint64_t after, std::size_t most,
                  const auto& look) -> std::optional<std::uint64_t> {
      std::size_t seen = 0;
      for (auto at = actors.upper_bound(after); at != actors.end(); ++at) {
        if (seen++ == most)
          return after;
        after = at->first;
        glance who;
        who.number = at->first;
        who.parent = at->second.parent;
        who.address = at->second.address;
        who.kind = at->second.kind;
        who.running = at->second.running;
        who.depth = at->second.depth;
        who.processed = at->second.processed;
        who.oldest = at->second.oldest;
        who.restarts = at->second.restarts;
        who.last_error = at->second.last_error;
        who.born = std::chrono::steady_clock::time_point{1h};
        if (!look(who))
          return after;
      }
      return std::nullopt;
    };
  }

  result<actor_page> page(const get_actors& wanted, std::uint64_t parent = 0) {
    auto seen = source();
    known_children tree{root};
    page_source from{seen,
                     tree,
                     parent,
                     actors.size(),
                     std::chrono::system_clock::time_point{100h},
                     std::chrono::steady_clock::time_point{2h},
                     looked_max};
    return read_page(wanted, from, known);
  }

  std::vector<std::string> all(get_actors wanted, std::uint64_t parent = 0) {
    std::vector<std::string> out;
    for (int pages = 0; pages < 1'000; ++pages) {
      auto got = page(wanted, parent);
      REQUIRE(got);
      CHECK(got->actors.size() <= wanted.limit);
      for (const auto& who : got->actors)
        out.push_back(who.address);
      if (got->next.empty())
        return out;
      wanted.cursor = got->next;
    }
    FAIL("the pages never end");
    return out;
  }
};

get_actors of_kind(const std::string& kind, std::uint32_t limit) {
  get_actors wanted;
  wanted.kind = kind;
  wanted.limit = limit;
  return wanted;
}

} // namespace

TEST_CASE("pages of any size hold every actor once, those that are down too") {
  fake_node it;
  it.root.children.push_back(fake_node::node("llm", "llm_router", 0));
  it.root.children.push_back(fake_node::node("tool", "tool_runner", 0));
  for (int i = 0; i < 50; ++i)
    it.actors[100 + i] = {"workflow/" + std::to_string(i), "workflow", 3};
  for (std::uint32_t limit : {1, 2, 3, 17, 54, 55, 56, 1'000}) {
    auto found = it.all(of_kind({}, limit));
    CHECK(found.size() == 55);
    CHECK(std::set<std::string>(found.begin(), found.end()).size() == 55);
    CHECK(found[0] == "llm");
    CHECK(found[1] == "tool");
  }
}

TEST_CASE("a row tells what the supervisor knows beside what the actor shows") {
  fake_node it;
  it.actors[2].processed = 7'200;
  it.actors[2].depth = 2;
  it.actors[2].oldest = 3ms;
  auto got = it.page(of_kind("event_store", 10));
  REQUIRE(got);
  REQUIRE(got->actors.size() == 1);
  const auto& row = got->actors[0];
  CHECK(row.address == "store");
  CHECK(row.parent == "supervisor/root");
  CHECK(row.restarts == 3);
  CHECK(row.last_error == "boom");
  CHECK(row.mailbox_depth == 2);
  CHECK(row.oldest == message_age{3ms});
  CHECK(row.messages_per_s == Approx(2)); // Over its hour.
  CHECK(row.rate_over == 1h);
  CHECK(got->total == 3);
}

TEST_CASE("whom no supervisor brings back tells its failures itself") {
  fake_node it;
  it.actors[9] = {"workflow/r1", "workflow", 3};
  it.actors[9].restarts = 2;
  it.actors[9].last_error = "out of luck";
  auto got = it.page(of_kind("workflow", 10));
  REQUIRE(got);
  REQUIRE(got->actors.size() == 1);
  CHECK(got->actors[0].restarts == 2);
  CHECK(got->actors[0].last_error == "out of luck");
}

TEST_CASE("filters leave the rest out, however few are left") {
  fake_node it;
  it.looked_max = 10;
  for (int i = 0; i < 100; ++i)
    it.actors[100 + i]
        = {"workflow/" + std::to_string(i), "workflow", 3, 0, 0, i != 50};
  it.actors[300] = {"agent/x", "agent", 150};
  CHECK(it.all(of_kind("agent", 5)) == std::vector<std::string>{"agent/x"});
  CHECK(it.all(of_kind("nobody", 5)).empty());
  get_actors starting;
  starting.state = "starting";
  CHECK(it.all(starting) == std::vector<std::string>{"workflow/50"});
  get_actors below;
  below.parent = "workflow/50";
  CHECK(it.all(below, 150) == std::vector<std::string>{"agent/x"});
  get_actors down;
  down.state = "backing_off";
  CHECK(it.all(down).empty());
  it.root.children.push_back(fake_node::node("llm", "llm_router", 0));
  CHECK(it.all(down) == std::vector<std::string>{"llm"});
  // Looked through so many, and none among them: the page is empty, not last.
  auto first = it.page(of_kind("agent", 5));
  CHECK(first->actors.empty());
  CHECK_FALSE(first->next.empty());
}

TEST_CASE("a parent that is gone is told as none") {
  fake_node it;
  it.actors[50] = {"tool/1", "tool_run", 49};
  auto got = it.page(of_kind("tool_run", 5));
  REQUIRE(got->actors.size() == 1);
  CHECK(got->actors[0].parent.empty());
  it.actors[49] = {"tool", "tool_runner", 1};
  CHECK(it.page(of_kind("tool_run", 5))->actors[0].parent == "tool");
}

TEST_CASE("what is no cursor, state or limit is refused with what is") {
  fake_node it;
  get_actors wanted;
  wanted.cursor = "xyz";
  auto got = it.page(wanted);
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::invalid_argument);
  CHECK(got.error().text
        == "cursor: expected the `next` of the page before; found \"xyz\"");
  wanted.cursor.clear();
  wanted.state = "happy";
  CHECK(it.page(wanted).error().text
        == "state: expected one of starting, running, backing_off, ended; "
           "found \"happy\"");
  wanted.state.clear();
  for (std::uint32_t limit : {0U, 1'001U}) {
    wanted.limit = limit;
    CHECK(it.page(wanted).error().text
          == "limit: expected 1 to 1000; found " + std::to_string(limit));
  }
}

TEST_CASE("actors are counted by kind below their parents") {
  fake_node it;
  for (int i = 0; i < 4; ++i)
    it.actors[100 + i] = {"workflow/" + std::to_string(i), "workflow", 3,
                          static_cast<std::uint64_t>(i), 10};
  it.actors[101].oldest = 5ms;
  it.actors[102].oldest = 9ms;
  it.actors[200] = {"call/1", "call", 101, 0, 1};
  it.actors[201] = {"call/2", "call", 102, 0, 1};
  it.actors[300] = {"lost", "stray", 299, 0, 1};
  actor_groups groups;
  std::uint64_t at = 0;
  it.source()(at, 1'000, [&](const glance& who) {
    groups.take(who);
    return true;
  });
  groups.into(it.root);
  const auto& workflows = it.root.children.at(1).groups;
  REQUIRE(workflows.size() == 1);
  CHECK(workflows[0].kind == "workflow");
  CHECK(workflows[0].actors == 4);
  CHECK(workflows[0].busy == 3);
  CHECK(workflows[0].mailbox_depth == 6);
  CHECK(workflows[0].oldest == message_age{9ms});
  CHECK(workflows[0].messages_total == 40);
  REQUIRE(workflows[0].groups.size() == 1);
  CHECK(workflows[0].groups[0].kind == "call");
  CHECK(workflows[0].groups[0].actors == 2);
  // Nobody is told twice, and nobody is lost.
  CHECK(it.root.children.at(0).groups.empty());
  REQUIRE(it.root.groups.size() == 1);
  CHECK(it.root.groups[0].kind == "stray");
}
