// What the engine itself costs, without actors and disk: replay of recorded
// steps, decisions per live step, and memory of a run that waits.
//
//     replay_bench [SECONDS]     prints one line of JSON

#include "actors/workflow/engine/context.hpp"
#include "actors/workflow/engine/run.hpp"

#include <nlohmann/json.hpp>

#include <ctime>
#include <iostream>
#include <malloc.h>
#include <memory>
#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::workflow;

namespace {

remote::ToolRequest call(std::string arguments) {
  remote::ToolRequest request;
  request.set_tool("next");
  request.set_arguments_json(std::move(arguments));
  return request;
}

durable<std::string> steps(context ctx, std::string input) {
  auto count = std::stoi(input);
  std::string at = "0";
  for (int i = 0; i < count; ++i) {
    auto next = co_await ctx.step("step", call(at));
    at = next.output();
  }
  co_await ctx.signal("go");
  co_return at;
}

std::string answer(int number) {
  remote::ToolResult out;
  out.set_success(true);
  out.set_output(std::to_string(number));
  return out.SerializeAsString();
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec)
         + static_cast<double>(now.tv_nsec) / 1e9;
}

struct recorded_run {
  std::vector<store::recorded_fact> log;
  std::uint64_t bytes = 0;
};

/// A run of `count` steps that then waits, with its log serialized as a shell
/// does.
std::unique_ptr<durable_run> play(int count, recorded_run* into) {
  auto run = std::make_unique<durable_run>(steps, run_options{});
  facts::RunStarted first;
  first.set_kind("workflow");
  first.set_strategy("steps");
  first.mutable_input()->set_inline_(std::to_string(count));
  facts::Event event;
  event.set_type("WORKFLOW_STARTED");
  std::int64_t now = 1'800'000'000'000'000;
  run->begin(std::move(first), std::move(event), now);
  for (int done = 0;;) {
    auto what = run->next(++now);
    for (const auto& fact : what.append) {
      auto bytes = fact.SerializeAsString();
      if (!into)
        continue;
      into->bytes += bytes.size();
      into->log.push_back({static_cast<log_version>(into->log.size() + 1),
                           {},
                           std::move(bytes)});
    }
    if (!what.append.empty())
      run->committed(++now);
    for (const auto& start : what.start)
      run->effect_ended(start.key, start.attempt, {answer(++done), {}, {}, 5},
                        ++now);
    if (what.append.empty() && what.start.empty())
      return run;
  }
}

struct rate {
  double per_second = 0;
  double us_each = 0;
};

template <class Fn>
rate measure(double seconds, int steps_each, Fn fn) {
  fn();
  auto began = cpu_seconds();
  std::uint64_t rounds = 0;
  double spent = 0;
  do {
    fn();
    ++rounds;
    spent = cpu_seconds() - began;
  } while (spent < seconds);
  auto total = static_cast<double>(rounds) * steps_each;
  return {total / spent, spent * 1e6 / total};
}

nlohmann::json to_json(const rate& what) {
  return {{"steps_per_cpu_second", static_cast<std::int64_t>(what.per_second)},
          {"us_per_step", what.us_each}};
}

nlohmann::json replayed(double seconds, int count) {
  recorded_run recorded;
  play(count, &recorded);
  auto got = measure(seconds, count, [&] {
    durable_run run{steps, {}};
    if (!run.replay(recorded.log, {}, 1) || run.describe().waits_size() != 1)
      std::abort();
  });
  auto json = to_json(got);
  json["bytes_per_fact"] = static_cast<double>(recorded.bytes)
                           / static_cast<double>(recorded.log.size());
  return json;
}

nlohmann::json waiting(int steps_before) {
  recorded_run recorded;
  play(steps_before, &recorded);
  constexpr std::size_t count = 2'000;
  std::vector<std::unique_ptr<durable_run>> runs;
  runs.reserve(count);
  auto before = mallinfo2().uordblks;
  for (std::size_t i = 0; i < count; ++i) {
    auto& run = runs.emplace_back(
        std::make_unique<durable_run>(steps, run_options{}));
    if (!run->replay(recorded.log, {}, 1))
      std::abort();
  }
  return {{"sizeof", sizeof(durable_run)},
          {"heap_with_it", (mallinfo2().uordblks - before) / count}};
}

} // namespace

int main(int argc, char** argv) {
  double seconds = argc > 1 ? std::atof(argv[1]) : 2;
  nlohmann::json all;
  all["replay_20_steps"] = replayed(seconds, 20);
  all["replay_10000_steps"] = replayed(seconds, 10'000);
  all["live_10_steps"]
      = to_json(measure(seconds, 10, [] { play(10, nullptr); }));
  all["waiting_run_bytes"] = waiting(10);
  std::cout << all.dump() << '\n';
}
