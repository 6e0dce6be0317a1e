#pragma once

#include "config/settings.hpp"

#include <string>
#include <vector>

namespace shannon::config {

/// A whole cluster as its manifest has it, checked: what `settings.hpp` reads
/// of one node, for all of them.
struct manifest {
  std::string file;
  std::string cluster;
  /// Which of its `profiles` is in force; empty for none.
  std::string profile;
  /// Each as it will run, in the order of the file.
  std::vector<settings> nodes;
};

/// Beside what is refused for one node: two nodes of one host that listen on
/// one port, and roles a cluster needs that nobody plays. `profile` wins over
/// the file's own choice; empty leaves it.
result<manifest> load_manifest(const std::string& file,
                               const std::string& profile = {});

/// One node of it, with this profile.
result<settings> load_node(const std::string& file, const std::string& node,
                           const std::string& profile);

} // namespace shannon::config
