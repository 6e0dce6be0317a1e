// Requests per second of the gateway at 1, 64 and 512 connections, each beside
// its limit in the same run, so that the ratio holds whatever the machine does
// meanwhile: reads beside a bare Beast server, accepted tasks beside the EVENT
// STORE alone. And what ten thousand streams cost. Prints JSON on stdout and
// the table of targets on stderr.

#include "tests/bench/accept_node.hpp"
#include "tests/bench/bare_beast.hpp"
#include "tests/bench/load_client.hpp"
#include "tests/bench/report.hpp"
#include "tests/gateway/crowd.hpp"
#include "tests/gateway/gateway_fixture.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::test;
using shannon::bench::json;
using shannon::bench::load_result;

namespace {

constexpr int connections[]{1, 64, 512};
/// Of each figure, taken in turns; medians count.
constexpr int rounds = 3;

json to_json(const load_result& one) {
  return {{"per_second", one.per_second()},
          {"p50_us", one.p50_us},
          {"p99_us", one.p99_us},
          {"errors", one.errors}};
}

/// The one in the middle by its rate.
load_result median_of(std::vector<load_result> all) {
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.per_second() < b.per_second();
  });
  return all[all.size() / 2];
}

std::string at(int clients) {
  return " at " + std::to_string(clients)
         + (clients == 1 ? " connection" : " connections");
}

/// Many clients follow one run, from a process of their own: what each costs
/// here, and how fast all are told.
void measure_streams(bench::report& report) {
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
  report.figures["streams"]
      = {{"streams", streams},
         {"whole", whole},
         {"kib_each", each},
         {"kib_each_after_events", most},
         {"events_per_second",
          static_cast<double>(events) * static_cast<double>(streams) / took}};
  report.at_most("KiB a stream of 10,000", std::max(each, most), kib_each_max);
}

/// Reads, over a store in memory, beside the bare server.
void measure_reads(bench::report& report, std::chrono::milliseconds time) {
  auto settings = quick_settings();
  settings.requests_per_connection_max
      = std::numeric_limits<std::uint32_t>::max();
  gateway_fixture fixture{settings};
  bench::bare_beast bare;
  fixture.runs.with("task-1", [](auto&) {});
  const auto health = get("/health");
  const auto task = get("/api/v1/tasks/task-1");
  for (int clients : connections) {
    auto port = fixture.server->port();
    bench::run_load(bare.port(), health, 200, clients, time / 4); // Warm.
    bench::run_load(port, task, 200, clients, time / 4);
    std::vector<load_result> bares;
    std::vector<load_result> healths;
    std::vector<load_result> tasks;
    for (int i = 0; i < rounds; ++i) {
      bares.push_back(bench::run_load(bare.port(), health, 200, clients, time));
      healths.push_back(bench::run_load(port, health, 200, clients, time));
      tasks.push_back(bench::run_load(port, task, 200, clients, time));
    }
    auto yardstick = median_of(bares);
    auto& figures = report.figures["reads"][std::to_string(clients)];
    figures = {{"bare_beast", to_json(yardstick)},
               {"get_health", to_json(median_of(healths))},
               {"get_task", to_json(median_of(tasks))}};
    report.at_least("GET of a task, in a bare Beast's" + at(clients),
                    median_of(tasks).per_second() / yardstick.per_second(),
                    0.5);
  }
}

/// Tasks accepted, each on disk before its answer, beside what the EVENT STORE
/// of the same node does alone.
void measure_accepts(bench::report& report, std::chrono::milliseconds time) {
  bench::accept_node node;
  const auto submit
      = post("/api/v1/tasks", R"({"query":"why?","mode":"simple"})");
  for (int clients : connections) {
    bench::run_load(node.port(), submit, 200, clients, time / 4); // Warm.
    std::vector<load_result> alone;
    std::vector<load_result> accepts;
    for (int i = 0; i < rounds; ++i) {
      alone.push_back(node.births(clients, time));
      accepts.push_back(
          bench::run_load(node.port(), submit, 200, clients, time));
    }
    auto& figures = report.figures["accepts"][std::to_string(clients)];
    figures = {{"event_store_alone", to_json(median_of(alone))},
               {"post_task", to_json(median_of(accepts))}};
    report.at_least(
        "POST of a task, in the EVENT STORE's alone" + at(clients),
        median_of(accepts).per_second() / median_of(alone).per_second(), 0.8);
    for (const auto& one : accepts)
      if (one.errors != 0)
        throw std::runtime_error{"a task was not accepted"};
  }
}

} // namespace

int main(int argc, char** argv) {
  auto seconds = argc > 1 ? std::atof(argv[1]) : 3.0;
  if (seconds <= 0) {
    std::fprintf(stderr, "usage: http_bench [SECONDS]\n");
    return 2;
  }
  auto time = std::chrono::milliseconds{static_cast<int>(seconds * 1'000)};
  return bench::print_report("http_bench", [time](bench::report& report) {
    report.figures["bench"] = "http";
    measure_reads(report, time);
    measure_accepts(report, time);
    measure_streams(report);
  });
}
