#include "actors/kit/io_loop.hpp"
#include "actors/kit/process/process.hpp"
#include "actors/tool/builtin/python_run.hpp"
#include "tests/kit/temp_folder.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <poll.h>
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

namespace {

/// One that runs a program without any sandbox: who it starts first leaves its
/// group and its session, and holds what is written to `alive`.
[[noreturn]] void be_a_bare_node(kit::owned_fd alive) {
  kit::io_loop loop{"node"};
  kit::process_spec spec;
  auto number = std::to_string(alive.get());
  spec.argv = {"/bin/sh", "-c",
               "setsid /bin/sh -c 'echo x >&" + number
                   + "; exec sleep 60' &\nexec sleep 60"};
  spec.inherited.push_back(std::move(alive));
  auto one = kit::start_process(loop.context(), std::move(spec), {},
                                [](const kit::process_end&) {});
  for (;;)
    pause();
}

} // namespace

// What a sandbox is made of is not bound to it from its first moment on.
TEST_CASE("whatever a program has started ends with a node that is killed") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  kit::owned_fd heard{ends[0]};
  kit::owned_fd alive{ends[1]};
  auto node = fork();
  if (node == 0)
    be_a_bare_node(std::move(alive));
  alive.reset();
  char byte = 0;
  bool began = read(heard.get(), &byte, 1) == 1 && byte == 'x';
  kill(node, SIGKILL);
  REQUIRE(waitpid(node, nullptr, 0) == node);
  REQUIRE(began);
  REQUIRE(read(heard.get(), &byte, 1) == 1); // The end of its line.
  pollfd end{heard.get(), POLLIN, 0};
  CHECK(poll(&end, 1, 3'000) == 1);
  CHECK((end.revents & POLLHUP) != 0);
}

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
