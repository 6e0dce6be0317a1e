#pragma once

#include "tests/simulation/coverage.hpp"
#include "tests/simulation/database.hpp"
#include "tests/simulation/world.hpp"

#include <cstdint>
#include <optional>
#include <set>

namespace shannon::sim {

struct simulation_options {
  std::set<store_fault> faults; ///< Planted bugs of the store.
  bool trace = false;
};

struct simulation_report {
  std::optional<violation> failure;
  coverage seen;
  std::uint64_t hash = 0; ///< Of all that happened.
  std::uint64_t events = 0;
  std::uint64_t runs = 0;
  double run_hours = 0; ///< Simulated, over all runs.
};

/// One world, from its seed to the end of its last run.
simulation_report simulate(std::uint64_t seed,
                           const simulation_options& options);

} // namespace shannon::sim
