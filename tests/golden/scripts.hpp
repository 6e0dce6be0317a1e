#pragma once

#include "tests/kit/run_driver.hpp"

#include <map>
#include <string>

/// Programs whose recorded logs are kept: the strategies, and an example of
/// each thing the context can do. docs/replay.md
namespace shannon::golden {

struct script {
  workflow::program code;
  workflow::run_options options;
  /// A run of it from beginning to end, as it is recorded today.
  std::function<workflow::run_driver()> play;
};

/// By the name under which its log is kept.
const std::map<std::string, script>& all_scripts();

} // namespace shannon::golden
