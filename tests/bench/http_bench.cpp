// Requests per second of the gateway, beside a bare Beast server in the same
// run: the ratio says what strictness, routing and actors cost, whatever the
// machine does meanwhile. Prints one JSON object.

#include "tests/bench/bare_beast.hpp"
#include "tests/bench/load_client.hpp"
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

std::size_t resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// Many clients follow one run: what each costs, and how fast all are told.
json measure_streams() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  // Each takes two descriptors here: the client's end and the server's.
  auto streams = std::min<std::size_t>(5'000, files.rlim_cur / 2 - 100);
  auto settings = quick_settings();
  settings.connections_per_ip_max = 12'000;
  gateway_fixture fixture{settings};
  fixture.fakes.publish("task-1", fact_of("WORKFLOW_STARTED", "Starting up"));
  auto request = "GET /api/v1/stream/sse?workflow_id=task-1 HTTP/1.0\r\n\r\n";
  auto before = resident_bytes();
  std::vector<raw_client> all;
  for (std::size_t i = 0; i < streams; ++i) {
    all.push_back(fixture.client());
    all.back().send(request);
    all.back().read_until("event: WORKFLOW_STARTED");
  }
  eventually([&] {
    return fixture.runs.find("task-1")->subscribers.size() == streams;
  });
  auto each = (resident_bytes() - before) / streams;
  constexpr int events = 20;
  auto begun = std::chrono::steady_clock::now();
  for (int i = 1; i <= events; ++i)
    fixture.fakes.publish(
        "task-1", fact_of(i == events ? "STREAM_END" : "PROGRESS", "step"));
  std::size_t whole = 0;
  for (auto& one : all)
    whole += one.read_until("data: [DONE]\n\n") ? 1 : 0;
  auto took
      = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun)
            .count();
  return {{"streams", streams},
          {"whole", whole},
          {"kib_each", static_cast<double>(each) / 1'024},
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
