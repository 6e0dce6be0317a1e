// Runs the jobs of `jobs.hpp` against the bench server and prints what they
// found: JSON on stdout, the table of targets on stderr.

#include "tests/bench/jobs.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

using namespace shannon;

namespace shannon::bench {

const std::vector<job>& all_jobs() {
  static const std::vector<job> all{
      {"limits", "what this machine can do at best", measure_limits},
      {"steps1", "workflows of one step", measure_one_step},
      {"steps10", "workflows of ten steps in a row", measure_ten_steps},
      {"fan", "a workflow of 100 steps side by side", measure_fan},
      {"fanwf", "a workflow of 100 child runs", measure_child_runs},
      {"activation", "waking runs whose log has 20 facts", measure_activation},
      {"parked", "runs that wait: memory, kills, signals", measure_parked},
      {"kills", "kills at random moments", measure_kills},
  };
  return all;
}

} // namespace shannon::bench

namespace {

std::string processor() {
  std::ifstream file{"/proc/cpuinfo"};
  std::string line;
  while (std::getline(file, line))
    if (line.rfind("model name", 0) == 0)
      return line.substr(line.find(':') + 2);
  return "unknown";
}

} // namespace

int main(int argc, char** argv) {
  bench::job_options options;
  std::vector<std::string> wanted;
  int time_ms = static_cast<int>(options.time.count());
  CLI::App app{"Measures the durable engine behind the bench server"};
  std::string names = "Jobs to run; all if none is named:";
  for (const auto& one : bench::all_jobs())
    names += std::string{"\n"} + one.name + ": " + one.what;
  app.add_option("jobs", wanted, names);
  app.add_option("--peer", options.peer, "The bench server")->required();
  app.add_option("--dir", options.dir, "Where its data goes");
  app.add_option("--rounds", options.rounds, "Figures are medians of so many");
  app.add_option("--time", time_ms, "Of one measurement, in milliseconds");
  app.add_option("--clients", options.clients, "Numbers of clients");
  app.add_option("--parked", options.parked, "Numbers of parked runs");
  app.add_option("--kills", options.kills, "Of the job kills");
  app.add_flag_callback(
      "--full", [&] { options.kills = 1'000; }, "A thousand kills");
  app.add_option("--shannon", options.shannon, "Verifies what is stored");
  CLI11_PARSE(app, argc, argv);
  options.time = std::chrono::milliseconds{time_ms};
  bench::report report;
  report.figures["machine"] = {{"processor", processor()},
                               {"cores", std::thread::hardware_concurrency()}};
  int failed = 0;
  auto run = [&](const bench::job& one) {
    std::fprintf(stderr, "bench: %s\n", one.name);
    try {
      one.run(options, report);
    } catch (const std::exception& e) {
      std::fprintf(stderr, "bench: %s: %s\n", one.name, e.what());
      ++failed;
    }
  };
  for (const auto& one : bench::all_jobs())
    if (wanted.empty()
        || std::find(wanted.begin(), wanted.end(), one.name) != wanted.end())
      run(one);
  for (const auto& name : wanted)
    if (std::none_of(bench::all_jobs().begin(), bench::all_jobs().end(),
                     [&](const auto& one) { return one.name == name; })) {
      std::fprintf(stderr, "bench: no job %s\n", name.c_str());
      return 2;
    }
  std::printf("%s\n", report.to_json().dump(2).c_str());
  std::fprintf(stderr, "\n%s", report.table().c_str());
  return failed == 0 ? 0 : 1;
}
