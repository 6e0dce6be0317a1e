#include "tests/integration/faults/storm_options.hpp"

#include "tests/integration/faults/fault_table.hpp"

#include <CLI/CLI.hpp>

namespace shannon::test {

void declare(CLI::App& app, storm_options& options) {
  std::vector<std::string> known;
  std::string list = "Faults to play, all if none is named:";
  for (const auto& one : fault_table()) {
    known.emplace_back(one.id);
    list += std::string{"\n"} + one.id + ": " + one.what;
  }
  options.faults = known;
  app.add_option("--seed", options.seed, "Draws faults, victims and tasks");
  app.add_option("--faults", options.faults, list)
      ->delimiter(',')
      ->check(CLI::IsMember(known));
  app.add_option("--rounds", options.rounds, "Each fault so often,")
      ->check(CLI::PositiveNumber);
  app.add_option("--tasks", options.tasks,
                 "and on until so many tasks are acknowledged");
  app.add_option("--seconds", options.seconds, "and so long");
  app.add_option("--clients", options.clients, "Clients at once")
      ->check(CLI::Range(1u, 64u));
}

std::string storm_options::flags() const {
  std::string ids;
  for (const auto& one : faults)
    ids += (ids.empty() ? "" : ",") + one;
  return "--seed " + std::to_string(seed) + " --faults " + ids + " --rounds "
         + std::to_string(rounds) + " --tasks " + std::to_string(tasks)
         + " --seconds " + std::to_string(seconds) + " --clients "
         + std::to_string(clients);
}

} // namespace shannon::test
