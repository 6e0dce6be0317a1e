#pragma once

#include "actors/inspector/glance.hpp"
#include "protocols/inspector.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace shannon::inspector {

/// Counts the actors that no SUPERVISOR looks after where they belong in the
/// tree: below their parents, and below groups of their parents. Pure. All
/// that live are shown to `take`, some at a time, then `into` sorts them.
class actor_groups {
public:
  /// Room for so many is made at once, not while they are looked at.
  explicit actor_groups(std::size_t actors = 0) {
    all_.reserve(actors);
  }

  void take(const glance& who);

  /// Writes the groups into the tree, each by its kinds' names. Actors whose
  /// parent is gone, or was none, stand below the root.
  void into(tree_node& root) const;

private:
  struct seen {
    std::uint64_t number = 0;
    std::uint64_t parent = 0;
    std::uint32_t kind = 0;
    std::uint64_t depth = 0;
    message_age oldest;
    std::uint64_t processed = 0;
    std::uint64_t rejected = 0;
  };

  std::uint32_t kind_of(std::string_view name);

  std::vector<std::string> kinds_;
  std::vector<seen> all_;
};

} // namespace shannon::inspector
