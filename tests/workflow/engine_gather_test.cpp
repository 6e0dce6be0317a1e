// Parts side by side: the order in which they end decides, not their places.

#include "tests/workflow/engine_world.hpp"

#include <catch2/catch.hpp>

#include <numeric>

using namespace shannon;
using namespace shannon::workflow;

namespace {

enum class how : std::uint8_t { all, race, any };

durable<std::string> gather(context ctx, how which) {
  std::vector<durable<remote::ToolResult>> parts;
  for (const char* name : {"a", "b", "c"})
    parts.push_back(ctx.scope(name).step("get", call(name)));
  if (which == how::all) {
    auto got = co_await all(std::move(parts));
    co_return got[0].output() + got[1].output() + got[2].output();
  }
  winner<remote::ToolResult> won;
  if (which == how::race)
    won = co_await race(std::move(parts));
  else
    won = co_await any(std::move(parts));
  co_return std::to_string(won.index) + won.value.output();
}

/// All three are under way.
run_driver three(how which) {
  run_driver world{[which](context ctx, std::string) {
                     return gather(std::move(ctx), which);
                   },
                   echo};
  world.begin("");
  world.step();
  auto agenda = world.run->next(world.now_us);
  REQUIRE(agenda.start.size() == 3);
  world.pending = std::move(agenda.start);
  return world;
}

void end(run_driver& world, const std::string& part, bool well) {
  auto key = part + "/get#1";
  auto at = std::find_if(world.pending.begin(), world.pending.end(),
                         [&](const auto& start) { return start.key == key; });
  REQUIRE(at != world.pending.end());
  auto start = *at;
  world.pending.erase(at);
  auto outcome
      = well ? echo(start) : flaky({errc::failed, part + " broke", false, {}});
  world.run->effect_ended(key, 1, std::move(outcome), world.now_us);
}

} // namespace

TEST_CASE("all gives results in the order of the parts") {
  auto world = three(how::all);
  end(world, "c", true);
  end(world, "a", true);
  end(world, "b", true);
  world.settle();
  CHECK(world.run->output() == "[a][b][c]");
}

TEST_CASE("all fails at the first failure in the order of ending") {
  auto world = three(how::all);
  end(world, "c", false);
  CHECK(world.run->failure().text == "c broke"); // At once.
  world.settle();
  CHECK(world.run->status() == store::log_status::failed);
  CHECK(world.stopped == std::set<std::string>{"a/get#1", "b/get#1"});
  world.log.resize(2); // Its end was not on disk.
  world.crash();
  world.settle();
  CHECK(world.run->failure().text == "c broke");
}

TEST_CASE("a race is lost by a part that fails first") {
  auto world = three(how::race);
  end(world, "b", false);
  world.settle();
  CHECK(world.run->failure().text == "b broke");
}

TEST_CASE("any waits for a part that succeeds") {
  auto world = three(how::any);
  end(world, "b", false);
  end(world, "c", true);
  world.settle();
  CHECK(world.run->output() == "2[c]");
  CHECK(world.stopped == std::set<std::string>{"a/get#1"});
}

TEST_CASE("any fails with the last failure when all have failed") {
  auto world = three(how::any);
  end(world, "b", false);
  end(world, "c", false);
  end(world, "a", false);
  world.settle();
  CHECK(world.run->failure().text == "a broke");
}

TEST_CASE("no parts are all done") {
  auto code = [](context, std::string) -> durable<std::string> {
    auto got = co_await all(std::vector<durable<nothing>>{});
    co_return std::to_string(got.size());
  };
  run_driver world{code, echo};
  world.begin("");
  world.settle();
  CHECK(world.run->output() == "0");
}

TEST_CASE("a bounded map has as many under way as it may, and no more") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    auto work = [](context branch, int item) -> durable<remote::ToolResult> {
      return branch.step("get", call(std::to_string(item)));
    };
    std::vector<int> items(5);
    std::iota(items.begin(), items.end(), 1);
    auto got = co_await map_bounded(ctx, std::move(items), 2, work);
    std::string text;
    for (const auto& one : got)
      text += one.output();
    co_return text;
  };
  std::size_t most = 0;
  run_driver* under_way = nullptr;
  run_driver world{code, [&](const durable_run::effect_start& start) {
                     most = std::max(most, under_way->pending.size() + 1);
                     return echo(start);
                   }};
  under_way = &world;
  world.begin("");
  world.settle();
  CHECK(most == 2);
  CHECK(world.run->output() == "[1][2][3][4][5]");
  CHECK(world.started.count("5/get#1") == 1);
}

TEST_CASE("a bounded map of nothing is nothing") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    auto work = [](context branch, int item) -> durable<remote::ToolResult> {
      return branch.step("get", call(std::to_string(item)));
    };
    auto got = co_await map_bounded(ctx, std::vector<int>{}, 2, work);
    co_return std::to_string(got.size());
  };
  run_driver world{code, echo};
  world.begin("");
  world.settle();
  CHECK(world.run->output() == "0");
}

TEST_CASE("a thousand steps side by side are two appends and their outcomes") {
  auto code = [](context ctx, std::string) -> durable<std::string> {
    std::vector<durable<remote::ToolResult>> parts;
    for (int i = 0; i < 1'000; ++i)
      parts.push_back(ctx.step("get", call(std::to_string(i))));
    auto got = co_await all(std::move(parts));
    co_return got.back().output();
  };
  run_driver world{code, echo};
  world.begin("");
  world.step();
  auto agenda = world.run->next(world.now_us);
  REQUIRE(agenda.start.size() == 1'000);
  for (auto& start : agenda.start)
    world.run->effect_ended(start.key, 1, echo(start), world.now_us);
  world.settle();
  CHECK(world.run->output() == "[999]");
  CHECK(world.appends < 10);
  world.crash();
  CHECK(world.run->output() == "[999]");
}
