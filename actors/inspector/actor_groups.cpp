#include "actors/inspector/actor_groups.hpp"

#include <algorithm>
#include <functional>

namespace shannon::inspector {

namespace {

/// Deeper than any actors are nested: what is further down is counted there.
constexpr int depth_max = 16;

void index(tree_node& node,
           std::unordered_map<std::uint64_t, std::vector<actor_group>*>& all) {
  if (node.number != 0)
    all.emplace(node.number, &node.groups);
  for (auto& child : node.children)
    index(child, all);
}

} // namespace

std::uint32_t actor_groups::kind_of(std::string_view name) {
  // A node has some twenty kinds.
  auto at = std::find(kinds_.begin(), kinds_.end(), name);
  if (at == kinds_.end())
    at = kinds_.insert(kinds_.end(), std::string{name});
  return static_cast<std::uint32_t>(at - kinds_.begin());
}

void actor_groups::take(const glance& who) {
  all_.push_back({who.number, who.parent, kind_of(who.kind), who.depth,
                  who.oldest, who.processed, who.rejected});
}

void actor_groups::into(tree_node& root) const {
  std::unordered_map<std::uint64_t, std::vector<actor_group>*> tree;
  index(root, tree);
  std::unordered_map<std::uint64_t, const seen*> others;
  for (const auto& one : all_)
    if (tree.find(one.number) == tree.end())
      others.emplace(one.number, &one);

  // A group's place is a path of kinds below a node of the tree. Groups lie in
  // vectors that grow, so the path is walked anew for each actor: it is short.
  for (const auto& [number, one] : others) {
    std::vector<std::uint32_t> path{one->kind};
    auto* level = &root.groups;
    for (auto up = one->parent; path.size() < depth_max;) {
      if (auto node = tree.find(up); node != tree.end()) {
        level = node->second;
        break;
      }
      auto above = others.find(up);
      if (above == others.end())
        break;
      path.push_back(above->second->kind);
      up = above->second->parent;
    }
    actor_group* group = nullptr;
    for (auto kind = path.rbegin(); kind != path.rend(); ++kind) {
      auto at = std::lower_bound(
          level->begin(), level->end(), kinds_[*kind],
          [](const auto& a, const auto& name) { return a.kind < name; });
      if (at == level->end() || at->kind != kinds_[*kind]) {
        actor_group fresh;
        fresh.kind = kinds_[*kind];
        at = level->insert(at, std::move(fresh));
      }
      group = &*at;
      level = &group->groups;
    }
    ++group->actors;
    group->busy += one->depth > 0 ? 1 : 0;
    group->mailbox_depth += one->depth;
    group->oldest = std::max(group->oldest, one->oldest);
    group->messages_total += one->processed;
    group->rejected_total += one->rejected;
  }
}

} // namespace shannon::inspector
