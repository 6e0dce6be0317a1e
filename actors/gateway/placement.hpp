#pragma once

#include "actors/kit/owned_shards.hpp"

#include <cstddef>
#include <optional>
#include <set>
#include <string>

namespace shannon::gateway {

/// Who is to carry a new task whose id is the gateway's to choose: the id says
/// it, by the shard it falls into. This node where it carries tasks; when
/// whoever was asked has no room, another node, each once.
class task_placement {
public:
  /// So many nodes are asked to take one task; then its client is refused.
  static constexpr std::size_t owners_max = 8;

  /// `shards` outlives it; null: all tasks are this node's.
  explicit task_placement(const kit::owned_shards* shards) : shards_(shards) {}

  /// An id in a shard of this node if that has one.
  std::string first();

  /// An id in a shard of a node that was not asked before. Nothing if none is
  /// known, or `owners_max` were asked.
  std::optional<std::string> another();

private:
  /// Empty for this node; nothing if nobody is known to own it.
  static std::optional<std::string> owner_of(const kit::owned_shards::view& now,
                                             const std::string& task);

  const kit::owned_shards* shards_;
  std::set<std::string> asked_; ///< Owners.
};

} // namespace shannon::gateway
