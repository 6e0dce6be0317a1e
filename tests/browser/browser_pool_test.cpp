#include "tests/browser/pool_world.hpp"
#include "tests/browser/process_tree.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace shannon;
using namespace std::chrono_literals;
using shannon::test::descendants_of;
using shannon::test::pool_world;
using shannon::test::text_of;
using std::chrono::steady_clock;

namespace {

std::size_t open_files() {
  std::size_t count = 0;
  for (const auto& one : std::filesystem::directory_iterator("/proc/self/fd"))
    count += one.path().empty() ? 0 : 1;
  return count;
}

/// Of this process, without its browsers.
std::uint64_t resident_bytes() {
  std::ifstream in{"/proc/self/statm"};
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  in >> all >> resident;
  return resident * static_cast<std::uint64_t>(getpagesize());
}

} // namespace

TEST_CASE("the first action opens a session, and the next goes on in it") {
  pool_world world;
  world.web.page("/hello", "<title>Hi</title><p>good day</p>");
  auto got = world.visit("run-1", "/hello");
  CHECK(got.holder() == "here");
  CHECK(got.state().find("/hello") != std::string::npos);
  auto text = world.act("run-1", "browser_extract", "{}", "here");
  CHECK(text_of(text).find("good day") != std::string::npos);
  auto all = world.report();
  REQUIRE(all.sessions.size() == 1);
  CHECK(all.sessions[0].id == "run-1");
  CHECK(all.sessions[0].title == "Hi");
  CHECK(all.sessions[0].url == world.url("/hello"));
  CHECK(all.sessions[0].tenant == "t");
  CHECK(all.sessions[0].bytes_in > 0);
  CHECK(all.sessions[0].process == all.processes.at(0).pid);
  // Known once its browser has been looked after.
  CHECK(world.until([&] { return world.report().sessions[0].memory_bytes > 0; },
                    5s));
}

TEST_CASE("an action that names a holder is never carried out elsewhere") {
  pool_world world;
  auto got
      = world.act("run-1", "browser_click", R"({"selector": "a"})", "here");
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::not_found);
  CHECK_FALSE(got.error().retryable);
  CHECK(world.report().sessions.empty());
}

TEST_CASE("a step that is asked for again is not made again") {
  pool_world world;
  world.web.page("/send", "<form method=post action=/submit>"
                          "<button id=go>go</button></form>");
  world.visit("run-1", "/send");
  auto click = R"({"selector": "#go"})";
  auto first
      = world.act("run-1", "browser_click", click, "here", "run-1/click/1");
  auto second
      = world.act("run-1", "browser_click", click, "here", "run-1/click/2");
  CHECK(text_of(first) == text_of(second));
  CHECK(world.until([&] { return world.web.asked("/submit") == 1; }));
  // Whatever is still on its way has come by then.
  world.visit("run-1", "/");
  CHECK(world.web.asked("/submit") == 1);
}

TEST_CASE("what is asked for twice at once is made once, and both are told") {
  pool_world world;
  world.visit("run-1", "/");
  auto wait = R"({"ms": 300})";
  auto first = world.begin("run-1", "browser_wait", wait, "here", "k/1");
  auto second = world.begin("run-1", "browser_wait", wait, "here", "k/2");
  CHECK(first.get()->result().success());
  CHECK(second.get()->result().success());
}

TEST_CASE("arguments that do not fit are told, and nothing is done") {
  pool_world world;
  auto got = world.act("run-1", "browser_click", R"({"selector": 7})");
  CHECK(text_of(got).find("selector") != std::string::npos);
  got = world.act("run-1", "browser_dance", "{}");
  CHECK(text_of(got).find("unknown tool") != std::string::npos);
  got = world.act("run-1", "browser_evaluate", R"({"script": "1"})");
  CHECK(text_of(got).find("unknown tool") != std::string::npos);
}

TEST_CASE("a cancel interrupts a command within a second") {
  pool_world world;
  world.visit("run-1", "/");
  auto long_one = world.begin("run-1", "browser_wait",
                              R"({"selector": "#never", "timeout_ms": 15000})",
                              "here", "run-1/wait/1");
  CHECK(long_one.wait_for(300ms) == std::future_status::timeout);
  auto since = steady_clock::now();
  world.cancel("run-1/wait/1");
  auto got = long_one.get();
  CHECK(steady_clock::now() - since < 1s);
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::cancelled);
  // The session is there still.
  CHECK(world.act("run-1", "browser_extract", "{}", "here"));
}

TEST_CASE("a session that nobody has heard of goes with who asked for it") {
  pool_world world;
  auto opening = world.begin("run-1", "", "{}", "", "run-1/open/1");
  SECTION("cancelled while it is opened") {
    world.cancel("run-1/open/1");
    auto got = opening.get();
    REQUIRE_FALSE(got);
    CHECK(got.error().code == errc::cancelled);
  }
  SECTION("closed by who does not know where it is") {
    world.close("run-1");
    auto got = opening.get();
    REQUIRE_FALSE(got);
    CHECK(got.error().code == errc::not_found);
  }
  CHECK(world.until([&] { return world.report().sessions.empty(); }, 5s));
}

TEST_CASE("a crash of the browser ends its sessions, and the pool is whole") {
  pool_world world;
  world.visit("run-1", "/");
  auto before = world.report();
  REQUIRE(before.processes.size() == 1);
  auto under_way
      = world.begin("run-1", "browser_wait",
                    R"({"selector": "#never", "timeout_ms": 15000})", "here");
  CHECK(under_way.wait_for(200ms) == std::future_status::timeout);
  SECTION("killed") {
    kill(-static_cast<pid_t>(before.processes[0].pid), SIGKILL);
  }
  SECTION("frozen") {
    kill(-static_cast<pid_t>(before.processes[0].pid), SIGSTOP);
  }
  auto since = steady_clock::now();
  auto got = under_way.get();
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::not_found);
  CHECK(steady_clock::now() - since < 8s);
  auto again
      = world.act("run-1", "browser_click", R"({"selector": "a"})", "here");
  REQUIRE_FALSE(again);
  CHECK(again.error().code == errc::not_found);
  world.visit("run-1", "/");
  CHECK(steady_clock::now() - since < 15s);
  CHECK(world.report().crashed == 1);
}

TEST_CASE("a crash of one browser is nothing to the sessions of another") {
  auto settings = pool_world::quick();
  settings.process_sessions_max = 1;
  settings.warm_sessions = 0;
  pool_world world{settings};
  world.visit("run-1", "/");
  world.visit("run-2", "/");
  auto all = world.report();
  REQUIRE(all.sessions.size() == 2);
  auto pid_of = [&](const std::string& id) {
    return all.sessions[all.sessions[0].id == id ? 0 : 1].process;
  };
  REQUIRE(pid_of("run-1") != pid_of("run-2"));
  auto under_way
      = world.begin("run-2", "browser_wait", R"({"ms": 1000})", "here");
  kill(-static_cast<pid_t>(pid_of("run-1")), SIGKILL);
  CHECK(world.until([&] { return world.report().sessions.size() == 1; }, 5s));
  CHECK(under_way.get()->result().success());
  CHECK(text_of(world.act("run-2", "browser_extract", "{}", "here"))
            .find("Welcome")
        != std::string::npos);
  CHECK(world.report().sessions[0].id == "run-2");
  CHECK(world.report().crashed == 1);
}

TEST_CASE("a lost session comes back with its URL and its cookies") {
  pool_world world;
  world.visit("run-1", "/login");
  auto got = world.visit("run-1", "/me");
  auto state = got.state();
  REQUIRE_FALSE(state.empty());
  auto closed = world.act("run-1", "browser_close", "{}", "here");
  CHECK(closed->result().success());
  REQUIRE(world.until([&] { return world.report().sessions.empty(); }));
  auto back = world.act("run-1", "", "", "", "", state);
  REQUIRE(back);
  CHECK(back->result().success());
  auto text = world.act("run-1", "browser_extract", "{}", "here");
  CHECK(text_of(text).find("signed in") != std::string::npos);
}

TEST_CASE("what hosts may be reached is said for all tenants or for one") {
  auto settings = pool_world::quick();
  settings.deny_hosts = {"acme=127.0.0.1"};
  settings.allow_hosts = {"globex=other.example"};
  pool_world world{settings};
  world.web.page("/hello", "<p>good day</p>");
  auto visit = [&](const std::string& tenant) {
    auto got = world
                   .begin("of-" + tenant, "browser_navigate",
                          R"({"url": ")" + world.url("/hello") + R"("})", "",
                          "", "", tenant)
                   .get();
    return text_of(got);
  };
  CHECK(visit("acme").find("refused by policy") != std::string::npos);
  CHECK(visit("globex").find("refused by policy") != std::string::npos);
  CHECK(world.web.asked("/hello") == 0);
  CHECK(visit("initech").find("failed") == std::string::npos);
  CHECK(world.web.asked("/hello") == 1);
}

TEST_CASE("a pool that drains ends who does nothing at once, and others when "
          "they have answered") {
  pool_world world;
  world.visit("idle", "/");
  world.visit("busy", "/");
  auto under_way
      = world.begin("busy", "browser_wait", R"({"ms": 1500})", "here");
  REQUIRE(world.until([&] {
    auto all = world.report().sessions;
    return std::any_of(all.begin(), all.end(),
                       [](const auto& one) { return one.busy; });
  }));
  auto drained = world.drain();
  CHECK(world.until([&] { return world.report().sessions.size() == 1; }, 1s));
  // Its run opens another, elsewhere.
  auto gone = world.act("idle", "browser_extract", "{}", "here");
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == errc::not_found);
  auto fresh = world.act("new", "browser_extract", "{}");
  REQUIRE_FALSE(fresh);
  CHECK(fresh.error().code == errc::unavailable);
  CHECK(fresh.error().retryable);
  CHECK(drained.wait_for(0s) == std::future_status::timeout);
  auto answer = under_way.get();
  REQUIRE(answer);
  CHECK(answer->result().success());
  CHECK(drained.get());
  CHECK(world.report().sessions.empty());
}

TEST_CASE("a screenshot lies in the workspace and goes with the answer") {
  pool_world world;
  world.visit("run-1", "/");
  auto got = world.act("run-1", "browser_screenshot", "{}", "here");
  REQUIRE(got);
  REQUIRE(got->files_size() == 1);
  CHECK(got->files(0).data().starts_with("\x89PNG"));
  CHECK(got->files(0).size() == got->files(0).data().size());
  std::size_t found = 0;
  for (const auto& one :
       std::filesystem::recursive_directory_iterator(world.folder.path()))
    if (one.path().extension() == ".png") {
      ++found;
      CHECK(one.file_size() == got->files(0).size());
      CHECK(one.path().parent_path().filename() == "screenshots");
    }
  CHECK(found == 1);
}

TEST_CASE("fifty sessions in a row leave no process, file or megabyte") {
  auto settings = pool_world::quick();
  settings.process_opened_max = 20; // Two processes are replaced meanwhile.
  pool_world world{settings};
  auto one_session = [&](int number) {
    auto id = "run-" + std::to_string(number);
    world.visit(id, "/");
    auto text = world.act(id, "browser_extract", "{}", "here");
    CHECK(text->result().success());
    world.act(id, "browser_close", "{}", "here");
  };
  for (int i = 0; i < 5; ++i)
    one_session(i);
  auto files = open_files();
  auto memory = resident_bytes();
  for (int i = 5; i < 55; ++i)
    one_session(i);
  CHECK(world.until([&] { return world.report().sessions.empty(); }));
  // One process, and what is warm in it.
  CHECK(world.until([&] { return world.report().processes.size() == 1; }));
  CHECK(world.report().crashed == 0);
  CHECK(world.report().started >= 3);
  CHECK(world.until([&] { return open_files() <= files + 40; }));
  CHECK(world.until([&] { return descendants_of(getpid()).size() <= 14; }));
  for (const auto& one : world.report().processes)
    CHECK(one.memory_bytes < 1024ull * 1024 * 1024);
  CHECK(resident_bytes() < memory + 8ull * 1024 * 1024);
}

TEST_CASE("sessions side by side never see pages of others") {
  // Ten thousand by SHANNON_NAVIGATIONS=10000, as at night.
  const auto* wanted = std::getenv("SHANNON_NAVIGATIONS");
  const int navigations = wanted == nullptr ? 160 : std::atoi(wanted);
  constexpr int sessions = 8;
  auto settings = pool_world::quick();
  settings.tenant_sessions_max = sessions;
  settings.process_sessions_max = 4;
  pool_world world{settings};
  std::vector<std::thread> threads;
  std::atomic<int> foreign{0};
  std::atomic<int> seen{0};
  for (int i = 0; i < sessions; ++i) {
    auto path = "/of-" + std::to_string(i);
    auto word = "page-of-" + std::to_string(i) + "-alone";
    world.web.page(path, "<title>" + word + "</title><p>" + word + "</p>");
    threads.emplace_back([&, i, path, word] {
      auto id = "run-" + std::to_string(i);
      for (int k = 0; k < navigations / sessions; ++k) {
        world.visit(id, path);
        auto text = text_of(world.act(id, "browser_extract", "{}", "here"));
        ++seen;
        if (text.find(word) == std::string::npos)
          ++foreign;
      }
    });
  }
  for (auto& one : threads)
    one.join();
  CHECK(seen == navigations / sessions * sessions);
  CHECK(foreign == 0);
}
