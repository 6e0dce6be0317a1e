// A node that is asked for more than it can carry out: what it still does, what
// it refuses and how fast, what it costs, and whether health tells the truth.

#include "tests/bench/costs.hpp"
#include "tests/bench/load_client.hpp"
#include "tests/bench/quantile.hpp"
#include "tests/bench/report.hpp"
#include "tests/bench/whole_node.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

namespace shannon::bench {

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int connections = 1'024;

struct options {
  std::string shannon;
  std::string dir = "/tmp";
  milliseconds time{8'000};
  milliseconds lead{2'000};
  std::vector<int> rates{500, 1'000, 2'000, 4'000, 8'000};
};

std::string post(const std::string& path, const std::string& body) {
  return "POST " + path
         + " HTTP/1.1\r\nHost: bench\r\nContent-Type: "
           "application/json\r\nContent-Length: "
         + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: bench\r\n\r\n";
}

/// What came of so many requests a second.
struct outcome {
  double offered = 0;
  double accepted = 0;
  double completed = 0;
  double refused = 0;
  std::uint64_t other = 0; ///< Neither: anything but 200, 429 and 503.
  std::uint64_t without_retry_after = 0;
  double accept_p99_ms = 0;
  double refuse_p99_ms = 0;
  std::uint64_t health_wrong = 0;
  double health_p99_ms = 0;
  double memory_mib = 0;
};

/// Asks for health all the time, on a connection of its own.
class health_watch {
public:
  explicit health_watch(std::uint16_t port)
      : thread_([this, port] { watch(port); }) {}
  void stop(outcome& into) {
    over_ = true;
    thread_.join();
    into.health_wrong = wrong_;
    into.health_p99_ms = quantile(took_, 0.99) / 1'000;
  }

private:
  void watch(std::uint16_t port) {
    load_client one{port, 1};
    while (!over_) {
      bool asked = false;
      load_work work;
      work.next = [&]() -> std::optional<load_request> {
        if (std::exchange(asked, true))
          return std::nullopt;
        return load_request{get("/health")};
      };
      work.answered = [&](const load_request&, const http_reply& got) {
        wrong_ += got.status != 200;
        took_.push_back(got.took_us);
      };
      one.run(work, steady::now() + 5s);
      std::this_thread::sleep_for(20ms);
    }
  }

  std::atomic<bool> over_{false};
  std::uint64_t wrong_ = 0;
  std::vector<double> took_;
  std::thread thread_;
};

double tasks_ended(const whole_node& of) {
  return of.counter("shannon_run_ended_total", "kind=\"workflow\"");
}

/// So many tasks a second, whether or not they are taken. What is answered and
/// ends in the `lead` is not counted, nor what is under way when the time is
/// over: a node that is offered too much fills up first.
outcome offer(const whole_node& to, int rate, milliseconds lead,
              milliseconds time) {
  outcome out;
  std::vector<double> accepts;
  std::vector<double> refusals;
  std::uint64_t sent = 0;
  auto request
      = post("/api/v1/tasks", R"({"query":"What is 2+2?","mode":"simple"})");
  auto begun = steady::now();
  bool counts = false;
  load_work work;
  work.next = [&]() -> std::optional<load_request> {
    std::chrono::duration<double> gone = steady::now() - begun;
    if (static_cast<double>(sent) >= gone.count() * rate)
      return std::nullopt;
    ++sent;
    return load_request{request};
  };
  work.answered = [&](const load_request&, const http_reply& got) {
    if (!counts)
      return;
    if (got.status == 200)
      accepts.push_back(got.took_us);
    else if (got.status == 429 || got.status == 503)
      refusals.push_back(got.took_us);
    else
      ++out.other;
  };
  load_client load{to.port(), connections};
  auto go_on_until = [&](steady::time_point until) {
    while (steady::now() < until)
      if (load.run(work, until))
        std::this_thread::sleep_for(500us);
  };
  begun = steady::now();
  go_on_until(begun + lead);
  auto before = tasks_ended(to);
  counts = true;
  sent = 0;
  begun = steady::now();
  health_watch health{to.port()};
  go_on_until(begun + time);
  std::chrono::duration<double> length = steady::now() - begun;
  out.memory_mib = static_cast<double>(memory_bytes(to.pid())) / 1'048'576;
  health.stop(out);
  out.completed = (tasks_ended(to) - before) / length.count();
  out.offered = static_cast<double>(sent) / length.count();
  out.accepted = static_cast<double>(accepts.size()) / length.count();
  out.refused = static_cast<double>(refusals.size()) / length.count();
  out.accept_p99_ms = quantile(accepts, 0.99) / 1'000;
  out.refuse_p99_ms = quantile(refusals, 0.99) / 1'000;
  return out;
}

json to_json(const outcome& one) {
  return {{"offered_per_s", one.offered},
          {"accepted_per_s", one.accepted},
          {"completed_per_s", one.completed},
          {"refused_per_s", one.refused},
          {"other_answers", one.other},
          {"accept_p99_ms", one.accept_p99_ms},
          {"refuse_p99_ms", one.refuse_p99_ms},
          {"health_wrong", one.health_wrong},
          {"health_p99_ms", one.health_p99_ms},
          {"memory_mib", one.memory_mib}};
}

/// Until nothing is under way, so that the next measurement begins with none.
void settle(const whole_node& to) {
  auto until = steady::now() + 120s;
  for (auto last = -1.0; steady::now() < until;) {
    auto now = tasks_ended(to);
    if (now == last)
      return;
    last = now;
    std::this_thread::sleep_for(1s);
  }
}

void measure(const options& what, report& out) {
  whole_node one{what.shannon, what.dir, {}};
  offer(one, 200, 0s, 2s); // Warms up.
  settle(one);
  // What is carried out, not what is promised.
  double peak = 0;
  for (auto rate : what.rates) {
    auto got = offer(one, rate, what.lead, what.time);
    settle(one);
    out.figures["offered"][std::to_string(rate)] = to_json(got);
    peak = std::max(peak, got.completed);
  }
  auto twice = static_cast<int>(2 * peak);
  auto over = offer(one, twice, what.lead, what.time);
  auto longer = offer(one, twice, 0s, 2 * what.time);
  out.figures["peak_per_s"] = peak;
  out.figures["twice"] = to_json(over);
  out.figures["twice_and_longer"] = to_json(longer);
  out.at_least("twice the load: completed of the peak", longer.completed / peak,
               0.9);
  out.at_least("twice the load: completed of what was accepted",
               longer.completed / longer.accepted, 0.9);
  out.at_most("twice the load: refusals, p99, ms", longer.refuse_p99_ms, 50);
  out.at_most("twice the load: answers that are neither 200, 429 nor 503",
              static_cast<double>(longer.other), 0);
  out.at_most("twice the load: health that is not 200",
              static_cast<double>(longer.health_wrong), 0);
  out.at_most("twice the load for twice the time: memory of the first, ratio",
              longer.memory_mib / over.memory_mib, 1.25);
}

} // namespace

} // namespace shannon::bench

int main(int argc, char** argv) {
  using namespace shannon::bench;
  options what;
  int time_ms = static_cast<int>(what.time.count());
  int lead_ms = static_cast<int>(what.lead.count());
  CLI::App app{"Measures a node under more load than it can carry"};
  app.add_option("--shannon", what.shannon, "The executable")->required();
  app.add_option("--dir", what.dir, "Where its data goes");
  app.add_option("--time", time_ms, "Of one measurement, in milliseconds");
  app.add_option("--lead", lead_ms, "Before each, in milliseconds");
  app.add_option("--rates", what.rates, "Tasks a second to find the peak with");
  CLI11_PARSE(app, argc, argv);
  what.time = std::chrono::milliseconds{time_ms};
  what.lead = std::chrono::milliseconds{lead_ms};
  return print_report("overload_bench",
                      [&](report& out) { measure(what, out); });
}
