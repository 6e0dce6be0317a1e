// M4 of docs/reliability.md: as many tools as may run at once take all of the
// processor, and what the node promises goes on beside them.

#include "tests/integration/system_fixture.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;

namespace {

constexpr int tools = 16; // tool.concurrent_runs_max

double seconds(std::chrono::steady_clock::duration what) {
  return std::chrono::duration<double>(what).count();
}

/// Of some values, the one that 99 of 100 do not exceed.
double worst_but_one_percent(std::vector<double> values) {
  REQUIRE_FALSE(values.empty());
  std::sort(values.begin(), values.end());
  return values[(values.size() * 99 + 99) / 100 - 1];
}

struct latencies {
  std::vector<double> health;
  std::vector<double> tasks; ///< From the submission to the answer.
};

/// For so long, and until a task went through.
latencies measure(system_fixture& world, std::chrono::seconds how_long) {
  latencies out;
  auto begun = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begun < how_long
         || out.tasks.empty()) {
    auto asked = std::chrono::steady_clock::now();
    REQUIRE(world.client()->get("/health/ready", asked + 5s));
    out.health.push_back(seconds(std::chrono::steady_clock::now() - asked));
    if (out.health.size() % 10 == 0) {
      auto since = std::chrono::steady_clock::now();
      auto id = world.submit("beside " + std::to_string(out.health.size()));
      REQUIRE(id);
      auto end = world.await_end(*id, 30s);
      CHECK(end["status"] == "TASK_STATUS_COMPLETED");
      out.tasks.push_back(seconds(std::chrono::steady_clock::now() - since));
    }
    std::this_thread::sleep_for(20ms);
  }
  return out;
}

} // namespace

TEST_CASE("sixteen tools that take all of the processor keep nobody waiting") {
  system_fixture world;
  world.start();
  // What else runs on this machine is not the tools' fault.
  auto alone = measure(world, 3s);
  std::vector<std::string> hogs;
  for (int i = 0; i < tools; ++i) {
    auto id = world.submit("[[busy:12000]] hog " + std::to_string(i));
    REQUIRE(id);
    hogs.push_back(*id);
  }
  auto beside = measure(world, 5s);
  auto busy = std::count_if(hogs.begin(), hogs.end(), [&](const auto& id) {
    return world.task(id)["status"] == "TASK_STATUS_RUNNING";
  });
  // Else nothing was shown.
  CHECK(busy >= tools / 2);
  auto health = worst_but_one_percent(beside.health);
  auto health_alone = worst_but_one_percent(alone.health);
  WARN("M4: " << busy << " tools busy; health p99 " << health << " s of "
              << beside.health.size() << ", alone " << health_alone
              << " s; a task beside them "
              << worst_but_one_percent(beside.tasks) << " s, alone "
              << worst_but_one_percent(alone.tasks) << " s");
  // That health was true each time, `measure` has required. How quick it is
  // stands in docs/reliability.md: a figure of a quiet machine, not a test.
  for (const auto& id : hogs)
    CHECK(world.await_end(id, 120s)["status"] == "TASK_STATUS_COMPLETED");
  CHECK(world.log().find("lease-lost") == std::string::npos);
}
