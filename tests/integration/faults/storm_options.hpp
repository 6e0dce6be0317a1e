#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace shannon::test {

/// Which storm: with the same options the same faults fall in the same order.
struct storm_options {
  std::uint64_t seed = 1;
  std::vector<std::string> faults; ///< Of `fault_table()`.
  int rounds = 1;                  ///< Each fault so often, and then more ...
  std::size_t tasks = 0;           ///< ... until so many are accepted,
  std::uint64_t seconds = 0;       ///< and so long.
  unsigned clients = 4;
  /// The report says when each fault fell; a failure always does.
  bool tells_faults = false;

  /// For the command line of `fault_storm`, by which the storm is repeated.
  std::string flags() const;
};

/// The flags of `fault_storm`; what is left out is as above, with all faults.
void declare(CLI::App& app, storm_options& options);

} // namespace shannon::test
