// A machine that allows the browser no namespaces of its own inside ours: the
// outer sandbox alone is on, that is said, and it holds.

#include "actors/browser/browser_check.hpp"
#include "tests/browser/pool_world.hpp"
#include "tests/browser/process_tree.hpp"
#include "tests/browser/refused_namespaces.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <unistd.h>
#include <vector>

using namespace shannon;
using namespace std::chrono_literals;
using shannon::test::descendants_of;
using shannon::test::pool_world;
using shannon::test::refused_namespaces;
using shannon::test::text_of;
namespace fs = std::filesystem;

namespace {

std::string contents(const std::string& path) {
  std::ifstream in{path};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::string name_space(const std::string& process, const char* kind) {
  std::error_code gone;
  return fs::read_symlink("/proc/" + process + "/ns/" + kind, gone).string();
}

/// The browser's own processes, without bubblewrap's.
std::vector<std::string> browser_processes() {
  std::vector<std::string> out;
  for (auto one : descendants_of(getpid())) {
    auto process = std::to_string(one);
    auto command = contents("/proc/" + process + "/cmdline");
    if (command.find("bwrap") == std::string::npos
        && command.find("headless-shell") != std::string::npos)
      out.push_back(process);
  }
  return out;
}

} // namespace

TEST_CASE("where the machine refuses the browser its own sandbox, the outer "
          "one is on, and the first session opens") {
  if (auto why = refused_namespaces::obstacle(); !why.empty()) {
    WARN("not tested here: " << why);
    return;
  }
  refused_namespaces machine;
  auto settings = pool_world::quick();
  settings.program = machine.program();
  pool_world world{settings};
  world.web.page("/hello", "<title>Hi</title><p>good day</p>");
  world.visit("run-1", "/hello");
  auto text = world.act("run-1", "browser_extract", "{}", "here");
  CHECK(text_of(text).find("good day") != std::string::npos);

  auto report = world.report();
  REQUIRE(report.processes.size() == 1);
  CHECK_FALSE(report.processes[0].own_sandbox);
  // That the machine said no is no crash.
  CHECK(report.crashed == 0);
  CHECK(report.started == 2);

  auto all = browser_processes();
  CHECK(all.size() >= 3);
  std::set<std::string> users;
  for (const auto& one : all) {
    INFO(one << ": " << contents("/proc/" + one + "/cmdline"));
    users.insert(name_space(one, "user"));
    for (const auto* kind : {"user", "pid", "net", "mnt", "ipc", "uts"}) {
      INFO(kind);
      CHECK_FALSE(name_space(one, kind).empty());
      CHECK(name_space(one, kind) != name_space("self", kind));
    }
    CHECK(contents("/proc/" + one + "/status").find("\nUid:\t65534\t")
          != std::string::npos);
    CHECK(
        contents("/proc/" + one + "/status").find("\nCapEff:\t0000000000000000")
        != std::string::npos);
  }
  // None of them has another inside of ours.
  CHECK(users.size() == 1);

  test::site forbidden;
  auto refused = world.act(
      "run-1", "browser_navigate",
      R"({"url": ")" + forbidden.url("/", "127.0.0.1") + R"("})", "here");
  CHECK(text_of(refused).find("refused by policy") != std::string::npos);
  CHECK(forbidden.asked("/") == 0);
}

TEST_CASE(
    "who asks whether the browser can run here is told by which sandbox") {
  config::browser_settings settings;
  auto usual = browser::browser_check(settings);
  REQUIRE(usual);
  CHECK(usual->own_sandbox);
  if (auto why = refused_namespaces::obstacle(); !why.empty()) {
    WARN("not tested here: " << why);
    return;
  }
  refused_namespaces machine;
  settings.program = machine.program();
  auto refused = browser::browser_check(settings);
  REQUIRE(refused);
  CHECK_FALSE(refused->own_sandbox);
  CHECK(refused->version == usual->version);
  settings.program = "/bin/false";
  auto none = browser::browser_check(settings);
  REQUIRE_FALSE(none);
  CHECK(none.error().text.find("does not start") != std::string::npos);
}

TEST_CASE("where the machine allows it, the browser's own sandbox is on") {
  pool_world world;
  world.visit("run-1", "/");
  auto report = world.report();
  REQUIRE(report.processes.size() == 1);
  CHECK(report.processes[0].own_sandbox);
  CHECK(report.started == 1);
}
