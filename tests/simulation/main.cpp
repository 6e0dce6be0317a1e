// simulate: plays worlds and says what was found untrue in them.
//
//   simulate [--seeds N] [--first S]   N worlds, from seed S on
//   simulate --seed S [--trace]        one world; with its journal
//   simulate --fault NAME ...          with a planted bug of the store
//   simulate --until-caught ...        ends well when a check fails
//   simulate --coverage ...            fails if something never happened
//
// Exit code 0: nothing was found (with --until-caught: something was).

#include "tests/simulation/simulation.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

using namespace shannon::sim;

namespace {

struct arguments {
  std::uint64_t first = 1;
  std::uint64_t count = 500;
  bool coverage = false; ///< Print it, and demand all of it.
  bool until_caught = false;
  std::string program;
  std::string passed_on; ///< For the command that replays a seed.
  simulation_options options;
};

int usage() {
  std::fputs("usage: simulate [--seeds N] [--first S] [--coverage]\n"
             "       simulate --seed S [--trace]\n"
             "       with [--fault NAME] [--until-caught]\n",
             stderr);
  std::fputs("faults:", stderr);
  for (const auto& name : store_fault_names())
    std::fprintf(stderr, " %s", name.c_str());
  std::fputs("\n", stderr);
  return 2;
}

std::optional<arguments> parse(int count, char** words) {
  arguments out;
  out.program = words[0];
  if (const char* seeds = std::getenv("SHANNON_SEEDS"))
    out.count = std::strtoull(seeds, nullptr, 10);
  for (int i = 1; i < count; ++i) {
    std::string_view word = words[i];
    const char* value = i + 1 < count ? words[i + 1] : nullptr;
    if (word == "--list-faults") {
      for (const auto& name : store_fault_names())
        std::puts(name.c_str());
      std::exit(0);
    } else if (word == "--trace") {
      out.options.trace = true;
    } else if (word == "--coverage") {
      out.coverage = true;
    } else if (word == "--until-caught") {
      out.until_caught = true;
    } else if (word == "--seeds" && value) {
      out.count = std::strtoull(words[++i], nullptr, 10);
    } else if (word == "--first" && value) {
      out.first = std::strtoull(words[++i], nullptr, 10);
    } else if (word == "--seed" && value) {
      out.first = std::strtoull(words[++i], nullptr, 10);
      out.count = 1;
    } else if (word == "--fault" && value) {
      auto fault = store_fault_named(words[++i]);
      if (!fault)
        return std::nullopt;
      out.options.faults.insert(*fault);
      out.passed_on += std::string{" --fault "} + words[i];
    } else {
      return std::nullopt;
    }
  }
  return out;
}

void show(const arguments& how, std::uint64_t seed, const violation& found) {
  std::printf("seed %llu: %s\n  %s\n  %.3f s into the world; its journal: "
              "%s --seed %llu --trace%s\n",
              static_cast<unsigned long long>(seed), found.check.c_str(),
              found.text.c_str(),
              static_cast<double>(found.at_us - world::start_us) / 1e6,
              how.program.c_str(), static_cast<unsigned long long>(seed),
              how.passed_on.c_str());
}

/// The same seed must give the same world.
bool repeats(const arguments& how, std::uint64_t seed, std::uint64_t hash) {
  auto again = simulate(seed, how.options);
  if (again.hash == hash)
    return true;
  std::printf("seed %llu: determinism\n  played twice, its journals differ\n",
              static_cast<unsigned long long>(seed));
  return false;
}

} // namespace

int main(int count, char** words) {
  auto how = parse(count, words);
  if (!how)
    return usage();
  coverage seen;
  std::uint64_t events = 0;
  std::uint64_t runs = 0;
  std::uint64_t failures = 0;
  double hours = 0;
  auto cpu = std::clock();
  for (auto seed = how->first; seed < how->first + how->count; ++seed) {
    auto report = simulate(seed, how->options);
    seen.add(report.seen);
    events += report.events;
    runs += report.runs;
    hours += report.run_hours;
    if (report.failure) {
      show(*how, seed, *report.failure);
      ++failures;
      if (how->until_caught)
        return 0;
      if (failures >= 5)
        break;
    }
    if (how->count > 1 && seed % 50 == 0 && !repeats(*how, seed, report.hash))
      ++failures;
    if (how->count == 1)
      std::printf("seed %llu: %llu events, journal %016llx\n",
                  static_cast<unsigned long long>(seed),
                  static_cast<unsigned long long>(report.events),
                  static_cast<unsigned long long>(report.hash));
  }
  auto minutes = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC / 60;
  std::printf("simulate: %llu seeds from %llu, %llu runs, %llu events, %llu "
              "failures; %.0f run hours in %.1f core seconds, %.0f per core "
              "minute\n",
              static_cast<unsigned long long>(how->count),
              static_cast<unsigned long long>(how->first),
              static_cast<unsigned long long>(runs),
              static_cast<unsigned long long>(events),
              static_cast<unsigned long long>(failures), hours, minutes * 60,
              minutes > 0 ? hours / minutes : 0);
  if (how->coverage) {
    for (const auto& [what, times] : seen.counts())
      if (!how->until_caught)
        std::printf("%10llu  %s\n", static_cast<unsigned long long>(times),
                    what.c_str());
    for (const auto& what : seen.missing()) {
      std::printf("never happened: %s\n", what.c_str());
      ++failures;
    }
  }
  if (how->until_caught && failures == 0)
    std::puts("simulate: nothing was caught");
  return (failures != 0) == how->until_caught ? 0 : 1;
}
