// Requests per second of the gateway, beside a bare Beast server in the same
// run: the ratio says what strictness, routing and actors cost, whatever the
// machine does meanwhile. Prints one JSON object.

#include "tests/bench/bare_beast.hpp"
#include "tests/bench/load_client.hpp"
#include "tests/gateway/crowd.hpp"
#include "tests/gateway/gateway_fixture.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <limits>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

using namespace shannon;
using namespace shannon::test;
using shannon::bench::load_result;
using json = nlohmann::ordered_json;

namespace {

constexpr int connections = 64;

json to_json(const load_result& one, double yardstick) {
  return {{"per_second", one.per_second()},
          {"ratio_to_bare_beast", one.per_second() / yardstick},
          {"p50_us", one.p50_us},
          {"p99_us", one.p99_us},
          {"errors", one.errors}};
}

/// Many clients follow one run, from a process of their own: what each costs
/// here, and how fast all are told.
json measure_streams() {
  constexpr std::size_t streams = 10'000;
  constexpr double kib_each_max = 25;
  many_files files{streams + 200};
  auto settings = quick_settings();
  gateway_fixture fixture{settings};
  fixture.fakes.publish("task-1", fact_of("WORKFLOW_STARTED", "Starting up"));
  crowd all{fixture.server->port()};
  auto before = resident_bytes();
  if (all.connect(streams) != streams)
    throw std::runtime_error{"the crowd could not connect"};
  all.send("GET /api/v1/stream/sse?workflow_id=task-1 HTTP/1.0\r\n\r\n");
  all.await("event: WORKFLOW_STARTED");
  eventually([&] {
    return fixture.runs.find("task-1")->subscribers.size() == streams;
  });
  auto each = static_cast<double>(resident_bytes() - before) / streams / 1'024;
  constexpr int events = 20;
  auto begun = std::chrono::steady_clock::now();
  for (int i = 1; i <= events; ++i)
    fixture.fakes.publish(
        "task-1", fact_of(i == events ? "STREAM_END" : "PROGRESS", "step"));
  auto whole = all.await("data: [DONE]\n\n");
  auto took
      = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun)
            .count();
  auto most = static_cast<double>(resident_bytes() - before) / streams / 1'024;
  return {{"streams", streams},
          {"whole", whole},
          {"kib_each", each},
          {"kib_each_after_events", most},
          {"kib_each_wanted", kib_each_max},
          {"met", each <= kib_each_max && most <= kib_each_max},
          {"events_per_second",
           static_cast<double>(events) * static_cast<double>(streams) / took}};
}

json measure(std::chrono::milliseconds time) {
  auto settings = quick_settings();
  settings.requests_per_connection_max
      = std::numeric_limits<std::uint32_t>::max();
  gateway_fixture fixture{settings};
  bench::bare_beast bare;
  auto port = fixture.server->port();
  auto health = get("/health");
  auto list = get("/api/v1/tasks/task-1");
  auto submit = post("/api/v1/tasks", R"({"query":"why?","mode":"simple"})");
  fixture.runs.with("task-1", [](auto&) {});
  // Once to warm up, once to measure; the yardstick before and after.
  bench::run_load(bare.port(), health, 200, connections, time / 4);
  bench::run_load(port, health, 200, connections, time / 4);
  auto before = bench::run_load(bare.port(), health, 200, connections, time);
  auto healths = bench::run_load(port, health, 200, connections, time);
  auto details = bench::run_load(port, list, 200, connections, time);
  auto submits = bench::run_load(port, submit, 200, connections, time);
  auto after = bench::run_load(bare.port(), health, 200, connections, time);
  auto yardstick = (before.per_second() + after.per_second()) / 2;
  json all;
  all["bench"] = "http";
  all["connections"] = connections;
  all["bare_beast"] = {{"per_second", yardstick},
                       {"p50_us", before.p50_us},
                       {"p99_us", before.p99_us}};
  all["get_health"] = to_json(healths, yardstick);
  all["get_task"] = to_json(details, yardstick);
  all["post_tasks"] = to_json(submits, yardstick);
  all["streams"] = measure_streams();
  return all;
}

} // namespace

int main(int argc, char** argv) {
  auto seconds = argc > 1 ? std::atof(argv[1]) : 3.0;
  if (seconds <= 0) {
    std::fprintf(stderr, "usage: http_bench [SECONDS]\n");
    return 2;
  }
  try {
    auto time = std::chrono::milliseconds{static_cast<int>(seconds * 1'000)};
    std::printf("%s\n", measure(time).dump(2).c_str());
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "http_bench: %s\n", e.what());
    return 1;
  }
}
