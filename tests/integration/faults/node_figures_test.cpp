// What storms ask of nodes at rest: each thing that may be left is planted, and
// found.

#include "tests/integration/faults/node_figures.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace shannon::test;
using namespace std::chrono_literals;

namespace {

const char* const page = R"(# HELP shannon_run_active Durable runs
# TYPE shannon_run_active gauge
shannon_run_active{kind="agent"} 0
shannon_run_active{kind="workflow"} 0
shannon_run_accepted_total{kind="workflow"} 12
shannon_run_intake{kind="workflow",what="at_work"} 0
shannon_run_intake{kind="workflow",what="bound"} 10000
shannon_run_step_seconds_count{effect="llm"} 7
shannon_run_step_seconds_sum{effect="llm"} 1.5
shannon_dispatch_effects{role="llm",state="waiting"} 0
)";

figures with(const std::string& series, double value) {
  auto all = read_figures(page);
  all[series] = value;
  return all;
}

/// Nothing of a test that failed stays.
struct ends_with_test {
  pid_t process;
  ~ends_with_test() {
    ::kill(process, SIGKILL);
    ::waitpid(process, nullptr, 0);
  }
};

bool waits_for(const auto& what) {
  auto until = std::chrono::steady_clock::now() + 10s;
  while (!what() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(5ms);
  return what();
}

} // namespace

TEST_CASE("a page of figures is read by series") {
  auto all = read_figures(page);
  CHECK(all.size() == 8);
  CHECK(all["shannon_run_accepted_total{kind=\"workflow\"}"] == 12);
  CHECK(all["shannon_run_step_seconds_sum{effect=\"llm\"}"] == 1.5);
  CHECK(read_figures("").empty());
  CHECK(read_figures("no value\n\n#\nlast 3").size() == 2);
}

TEST_CASE("what counts as under way when all has ended is found") {
  CHECK(under_way(read_figures(page)).empty());
  for (const char* series :
       {"shannon_run_active{kind=\"agent\"}",
        "shannon_run_active{kind=\"workflow\"}",
        "shannon_run_intake{kind=\"workflow\",what=\"at_work\"}",
        "shannon_dispatch_effects{role=\"llm\",state=\"waiting\"}",
        "shannon_store_appends_waiting",
        "shannon_llm_calls_running{provider=\"openai\"}",
        "shannon_tool_running_runs", "shannon_gateway_streams{kind=\"sse\"}"}) {
    auto left = under_way(with(series, 1));
    INFO(series);
    REQUIRE(left.size() == 1);
    CHECK(left[0] == std::string{series} + " is 1");
  }
  // A gauge that went below what it counts is no better.
  CHECK(under_way(with("shannon_run_active{kind=\"agent\"}", -1)).size() == 1);
}

TEST_CASE("a counter that goes back, or away, is found") {
  const char* accepted = "shannon_run_accepted_total{kind=\"workflow\"}";
  const char* steps = "shannon_run_step_seconds_count{effect=\"llm\"}";
  auto before = read_figures(page);
  CHECK(gone_back(before, before).empty());
  CHECK(gone_back({}, before).empty());
  CHECK(gone_back(before, with(accepted, 13)).empty());
  CHECK(gone_back(before, with(accepted, 11)).size() == 1);
  CHECK(gone_back(before, with(steps, 6)).size() == 1);
  auto less = before;
  less.erase(accepted);
  CHECK(gone_back(before, less).size() == 1);
  // Gauges may fall.
  CHECK(
      gone_back(with("shannon_run_active{kind=\"agent\"}", 5), before).empty());
}

TEST_CASE("descriptors that a process keeps are found") {
  auto fresh = holdings_of(::getpid());
  CHECK(fresh.descriptors >= 3);
  CHECK(kept(fresh, fresh, 0).empty());
  std::vector<int> open;
  for (int i = 0; i < 10; ++i)
    open.push_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  auto now = holdings_of(::getpid());
  CHECK(now.descriptors == fresh.descriptors + 10);
  CHECK(kept(fresh, now, 10).empty());
  CHECK(kept(fresh, now, 9 - fresh.descriptors / 20).size() == 1);
  for (auto one : open)
    ::close(one);
  CHECK(holdings_of(::getpid()).descriptors == fresh.descriptors);
}

TEST_CASE("connections to a port are told apart from what else is held") {
  auto listens = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto calls = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  auto* at = reinterpret_cast<sockaddr*>(&where);
  REQUIRE(::bind(listens, at, size) == 0);
  REQUIRE(::listen(listens, 1) == 0);
  REQUIRE(::getsockname(listens, at, &size) == 0);
  auto port = ntohs(where.sin_port);
  auto before = holdings_of(::getpid(), port);
  CHECK(before.connections == 0);
  REQUIRE(::connect(calls, at, size) == 0);
  auto now = holdings_of(::getpid(), port);
  CHECK(now.connections == 1);
  CHECK(now.descriptors == before.descriptors - 1);
  CHECK(holdings_of(::getpid()).descriptors == before.descriptors);
  CHECK(holdings_of(::getpid(), 1).connections == 0);
  ::close(calls);
  ::close(listens);
}

TEST_CASE("a process that somebody's process has left is found, wherever it "
          "is") {
  adopt_orphans();
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  // A node with a tool: the node dies, its tool does not.
  auto node = ::fork();
  if (node == 0) {
    if (auto tool = ::fork(); tool != 0)
      (void)!::write(pipe[1], &tool, sizeof tool);
    ::pause();
    ::_exit(0);
  }
  ends_with_test ends_node{node};
  pid_t tool = 0;
  REQUIRE(::read(pipe[0], &tool, sizeof tool) == sizeof tool);
  ends_with_test ends_tool{tool};
  auto children = holdings_of(node).children;
  REQUIRE(children.size() == 1);
  CHECK(children[0].starts_with(std::to_string(tool) + " "));
  CHECK(kept({}, {0, children}, 0).size() == 1);
  CHECK(orphans({node}, {}).empty());
  CHECK(orphans({}, {}).size() == 1);
  ::kill(node, SIGKILL);
  ::waitpid(node, nullptr, 0); // Its tool has no parent from here on.
  CHECK(waits_for([&] { return orphans({node}, {}).size() == 1; }));
  auto name = orphans({node}, {})[0];
  CHECK(orphans({node}, {name.substr(name.find(' ') + 1)}).empty());
  ::kill(tool, SIGKILL);
  // One that has ended is no process any more, whoever waits for it.
  CHECK(waits_for([&] { return orphans({node}, {}).empty(); }));
  ::close(pipe[0]);
  ::close(pipe[1]);
}
