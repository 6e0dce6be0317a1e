// What a node's sessions and browsers may be, and what happens there.

#include "tests/browser/pool_world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <future>
#include <string>
#include <vector>

using namespace shannon;
using namespace std::chrono_literals;
using shannon::test::pool_world;
using std::chrono::steady_clock;

namespace {

/// More actions than may wait for one session.
constexpr std::size_t many_actions = 20;

bool one_leaves(pool_world& world) {
  auto all = world.report().processes;
  return std::any_of(all.begin(), all.end(),
                     [](const auto& one) { return one.leaves; });
}

} // namespace

TEST_CASE("limits: of a tenant, of the node, of idleness") {
  auto settings = pool_world::quick();
  settings.tenant_sessions_max = 1;
  settings.sessions_max = 3;
  settings.idle_timeout = 1500ms;
  pool_world world{settings};
  auto open = [&](const char* session, const char* tenant) {
    return world.begin(session, "browser_extract", "{}", "", "", "", tenant)
        .get();
  };
  CHECK(open("a", "t1"));
  auto second = open("b", "t1");
  REQUIRE_FALSE(second);
  CHECK(second.error().code == errc::overloaded);
  CHECK(second.error().retryable);
  // Clients of the admin port are no tenant.
  CHECK(open("c", ""));
  CHECK(open("e", ""));
  auto third = open("d", "t3");
  REQUIRE_FALSE(third);
  CHECK(third.error().code == errc::overloaded);
  CHECK(world.until([&] { return world.report().sessions.empty(); }));
  CHECK(open("d", "t3"));
}

TEST_CASE("a session ends when it is old, but not within an action") {
  auto settings = pool_world::quick();
  settings.lifetime = 1500ms;
  settings.idle_timeout = 8s; // Looked for every two seconds.
  pool_world world{settings};
  world.visit("idle", "/");
  world.visit("busy", "/");
  auto long_one
      = world.begin("busy", "browser_wait", R"({"ms": 5000})", "here");
  CHECK(world.until([&] { return world.report().sessions.size() == 1; }, 10s));
  CHECK(long_one.wait_for(0s) == std::future_status::timeout);
  auto got = long_one.get();
  REQUIRE(got);
  CHECK(got->result().success());
  CHECK(world.until([&] { return world.report().sessions.empty(); }, 10s));
}

TEST_CASE("actions wait for the one under way, as many as may") {
  pool_world world;
  world.visit("run-1", "/");
  auto wait = R"({"ms": 200})";
  std::vector<std::future<pool_world::answer>> all;
  for (std::size_t i = 0; i < many_actions; ++i)
    all.push_back(world.begin("run-1", "browser_wait", wait, "here"));
  std::size_t refused = 0;
  for (auto& one : all) {
    auto got = one.get();
    if (got)
      continue;
    ++refused;
    CHECK(got.error().code == errc::overloaded);
    CHECK(got.error().retryable);
  }
  // One is under way, 16 wait.
  CHECK(refused == many_actions - 17);
}

TEST_CASE("a browser that does not start in its time is ended, and another "
          "takes its place") {
  auto settings = pool_world::quick();
  settings.open_timeout = 1500ms;
  settings.warm_sessions = 0;
  pool_world world{settings};
  auto since = steady_clock::now();
  auto opening = world.begin("run-1", "browser_extract", "{}");
  REQUIRE(world.until([&] { return !world.report().processes.empty(); }));
  kill(-static_cast<pid_t>(world.report().processes[0].pid), SIGSTOP);
  auto got = opening.get();
  REQUIRE(got);
  CHECK(got->result().success());
  CHECK(steady_clock::now() - since >= 1400ms);
  CHECK(steady_clock::now() - since < 10s);
  CHECK(world.report().crashed == 1);
}

TEST_CASE(
    "a browser of many pages, of some age or size takes no more sessions, "
    "and goes with its last one") {
  auto settings = pool_world::quick();
  settings.warm_sessions = 0;
  SECTION("pages") {
    settings.process_opened_max = 6;
  }
  SECTION("age") {
    settings.process_lifetime = 1s;
  }
  SECTION("size") {
    settings.process_memory_max = 1024 * 1024;
  }
  pool_world world{settings};
  for (int i = 0; i < 6; ++i)
    world.visit("run-1", "/");
  REQUIRE(world.until([&] { return one_leaves(world); }));
  auto before = world.report().processes.at(0).pid;
  // Its session goes on; the next is opened in another.
  world.visit("run-1", "/");
  world.visit("run-2", "/");
  CHECK(world.report().processes.size() == 2);
  world.act("run-1", "browser_close", "{}", "here");
  CHECK(world.until([&] {
    auto all = world.report().processes;
    return all.size() == 1 && all[0].pid != before;
  }));
  CHECK(world.report().crashed == 0);
}
