#pragma once

#include "config/manifest.hpp"
#include "protocols/errc.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What the database says of a cluster, and what a manifest wants of it.
namespace shannon::commands {

/// A node's row, as of one moment.
struct seen_node {
  std::string name;
  std::string process; ///< `NAME#INCARNATION`
  std::string cluster;
  std::vector<std::string> roles;
  std::string host;
  std::string api;
  std::string admin;
  std::string link; ///< Where peers dial it; empty: it has no links.
  std::string version;
  std::string schema;
  std::vector<std::string> settings; ///< `section.key=value`, sorted.
  /// Until its lease ends; below zero: since it has ended.
  std::chrono::milliseconds left{0};
  std::chrono::milliseconds up{0};
  bool settled = false;
  std::uint32_t shards = 0;

  bool live() const noexcept {
    return left.count() > 0;
  }
};

struct cluster_state {
  std::vector<seen_node> nodes; ///< By name.
  std::uint32_t shards = 0;
  std::uint32_t free = 0; ///< Belong to nobody.
  /// Belong to a process without a lease: claimed as soon as somebody may.
  std::uint32_t orphaned = 0;

  const seen_node* find(const std::string& name) const;
};

result<cluster_state> read_cluster(const std::string& dsn);

enum class plan_step : std::uint8_t { keep, start, restart, end };

/// What a manifest would change. `restart` and `end` are not done by `start`:
/// they need somebody's word.
struct plan_line {
  plan_step what = plan_step::keep;
  std::string node;
  std::string why;
};

/// `build` is this program's version.
std::vector<plan_line> plan_of(const config::manifest& wanted,
                               const cluster_state& found,
                               const std::string& build);

} // namespace shannon::commands
