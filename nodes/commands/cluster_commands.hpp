#pragma once

#include "config/manifest.hpp"
#include "nodes/commands/exit_code.hpp"

#include <string>
#include <vector>

/// The parts of `shannon cluster`.
namespace shannon::commands {

struct cluster_options {
  std::string manifest;
  std::string profile;
  std::string data;
  std::string host;
  std::string node; ///< Of `drain`.
  bool json = false;
  bool dev = false;
};

/// The manifest with the environment laid over each node.
result<config::manifest> read_manifest(const cluster_options& options);

/// The nodes of the manifest that this machine runs; `host` is its name there,
/// or empty for all the names it goes by.
std::vector<config::settings> own_nodes(const config::manifest& all,
                                        const std::string& host);

exit_code cluster_plan(const cluster_options& options);
exit_code cluster_status(const cluster_options& options);

/// Runs this machine's nodes until SIGTERM or SIGINT.
exit_code cluster_start(const cluster_options& options);
/// Ends one node, wherever it runs, once nothing is under way on it.
exit_code cluster_drain(const cluster_options& options);
exit_code cluster_stop(const cluster_options& options);

} // namespace shannon::commands
