#include "actors/kit/io_loop.hpp"
#include "actors/tool/builtin/python_run.hpp"
#include "tests/kit/temp_folder.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace shannon;
using namespace shannon::tool;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

/// A node that runs one program until it is killed. Never returns.
[[noreturn]] void be_a_node(const config::tool_settings& settings) {
  kit::io_loop loop{"node"};
  auto parts = std::make_shared<tool_parts>(loop.context(), settings);
  remote::EffectContext context;
  context.set_session("s");
  // The program leaves its process group and its session and ignores what can
  // be ignored.
  auto cancel = run_python(parts, workspace_key{settings, context},
                           "import os, signal, time\n"
                           "for s in (1, 2, 13, 15):\n"
                           "  signal.signal(s, signal.SIG_IGN)\n"
                           "if os.fork() == 0:\n"
                           "  os.setsid()\n"
                           "  os.fork()\n"
                           "while True:\n"
                           "  open('beat', 'a').write('x')\n"
                           "  time.sleep(0.01)\n",
                           60s, [](const remote::ToolResult&) {});
  for (;;)
    pause();
}

} // namespace

TEST_CASE("no program outlives a node that is killed") {
  shannon::test::temp_folder folder;
  config::tool_settings settings;
  settings.workspace_dir = folder.path();
  auto beat = folder.path() + "/" + kit::folder_name("") + "/"
              + kit::folder_name("") + "/" + kit::folder_name("s") + "/beat";
  auto node = fork();
  if (node == 0)
    be_a_node(settings);
  auto due = steady_clock::now() + 20s;
  while (!std::filesystem::exists(beat) && steady_clock::now() < due)
    std::this_thread::sleep_for(5ms);
  bool began = std::filesystem::exists(beat);
  kill(node, SIGKILL);
  REQUIRE(waitpid(node, nullptr, 0) == node);
  REQUIRE(began);
  // The kernel tears the namespace down at once, but not in no time.
  auto still = [&] {
    auto size = std::filesystem::file_size(beat);
    std::this_thread::sleep_for(300ms);
    return std::filesystem::file_size(beat) == size;
  };
  due = steady_clock::now() + 3s;
  bool gone = still();
  while (!gone && steady_clock::now() < due)
    gone = still();
  CHECK(gone);
}
