#pragma once

#include "actors/kit/owned_shards.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>

namespace shannon::gateway {

/// Who is to carry a new task whose id is the gateway's to choose: the id says
/// it, by the shard it falls into. This node where it carries tasks; when
/// whoever was asked has no room, another node, each once.
///
/// An id is found by drawing, for a shard follows from a hash of it: as often
/// as there are shards for each that will do, on average. A node that holds a
/// single one is found too.
class task_placement {
public:
  /// So many nodes are asked to take one task; then its client is refused.
  static constexpr std::size_t owners_max = 8;

  /// `shards` outlives it; null: all tasks are this node's.
  explicit task_placement(const kit::owned_shards* shards) : shards_(shards) {}

  /// An id in a shard of this node if that has one.
  std::string first();

  /// An id in a shard of a node that was not asked before, each as likely as
  /// it has shards. Nothing if none is known, or `owners_max` were asked.
  std::optional<std::string> another();

private:
  using view = kit::owned_shards::view;

  /// An id in a shard that will do; nothing if there is none.
  static std::optional<std::string>
  draw(const view& now, const std::function<bool(std::uint32_t)>& will_do);
  /// Whoever has the shard of this task is not asked again.
  void note(const view& now, const std::string& task);

  const kit::owned_shards* shards_;
  std::set<std::string> asked_; ///< Owners; empty: this node.
};

} // namespace shannon::gateway
