// kill -9 of a node with four browsers: nothing of them is left two seconds
// later, and what they left on the disk goes with the next start.

#include "actors/browser/browser_host.hpp"
#include "actors/browser/scratch_folder.hpp"
#include "actors/kit/io_loop.hpp"
#include "tests/browser/process_tree.hpp"
#include "tests/browser/refused_namespaces.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace shannon;
using namespace shannon::browser;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

constexpr int browsers = 4;

/// Whether the machine allows browsers a sandbox of their own inside ours.
enum class machine : std::uint8_t { allows, refuses };

/// A node with four browsers that says so, and waits to be killed.
[[noreturn]] void be_a_node(machine where, int said) {
  config::browser_settings settings;
  std::optional<test::refused_namespaces> refused;
  if (where == machine::refuses)
    settings.program = refused.emplace().program();
  kit::io_loop loop{"browser"};
  settings.process_sessions_max = 1;
  settings.processes_max = browsers;
  settings.warm_sessions = 0;
  auto host = std::make_shared<browser_host>(loop.context(), settings,
                                             [](browser_host::news) {});
  host->start();
  for (int i = 0; i < browsers; ++i)
    host->open({{}, "t"}, [said](result<std::shared_ptr<live_session>> got) {
      // Kept for ever: this process has no orderly end.
      auto* kept = new std::shared_ptr<live_session>{got ? *got : nullptr};
      (void)!write(said, *kept ? "+" : "-", 1);
    });
  for (;;)
    pause();
}

std::string folders_of(pid_t owner) {
  std::string out;
  auto prefix = "shannon-browser-" + std::to_string(owner) + "-";
  for (const auto& one : std::filesystem::directory_iterator(
           std::filesystem::temp_directory_path()))
    if (auto name = one.path().filename().string(); name.starts_with(prefix))
      out += name + " ";
  return out;
}

/// More of them with SHANNON_ROUNDS.
int rounds() {
  const auto* text = std::getenv("SHANNON_ROUNDS");
  return text == nullptr ? 3 : std::atoi(text);
}

void kill_nodes(machine where) {
  std::chrono::milliseconds slowest{0};
  for (int round = 0; round < rounds(); ++round) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    auto node = fork();
    if (node == 0)
      be_a_node(where, ends[1]);
    close(ends[1]);
    std::string said;
    char byte = 0;
    while (said.size() < browsers && read(ends[0], &byte, 1) == 1)
      said += byte;
    close(ends[0]);
    auto left = test::descendants_of(node);
    auto before = folders_of(node);
    kill(node, SIGKILL);
    auto since = steady_clock::now();
    REQUIRE(waitpid(node, nullptr, 0) == node);
    REQUIRE(said == std::string(browsers, '+'));
    REQUIRE(left.size() >= 4 * browsers);
    auto gone = [&] {
      return std::none_of(left.begin(), left.end(), test::is_running);
    };
    while (!gone() && steady_clock::now() - since < 10s)
      std::this_thread::sleep_for(5ms);
    auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
        steady_clock::now() - since);
    slowest = std::max(slowest, took);
    CHECK(took < 2s);
    CHECK_FALSE(before.empty());
    CHECK(reap_scratch_folders() >= browsers);
    CHECK(folders_of(node).empty());
  }
  WARN(rounds() << " kills; the slowest end took " << slowest.count() << " ms");
}

} // namespace

TEST_CASE("no browser outlives a node that is killed") {
  kill_nodes(machine::allows);
}

TEST_CASE("nor does one with the outer sandbox alone") {
  if (auto why = test::refused_namespaces::obstacle(); !why.empty()) {
    WARN("not tested here: " << why);
    return;
  }
  kill_nodes(machine::refuses);
}
