// Who is asked to carry a new task, by the shard that its name falls into.

#include "actors/gateway/placement.hpp"

#include <catch2/catch.hpp>

#include <set>
#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::gateway;

namespace {

/// What this node has seen: the first `own` shards are its own, the others
/// those of `owners`.
struct seen_shards {
  seen_shards(std::uint32_t own, const std::vector<node_id>& owners)
      : all{static_cast<std::uint32_t>(own + owners.size())} {
    std::vector<kit::owned_shards::place> ours;
    std::vector<node_id> seen(own, node_id{"self#1"});
    for (std::uint32_t shard = 0; shard < own; ++shard)
      ours.push_back({shard, 1});
    seen.insert(seen.end(), owners.begin(), owners.end());
    all.gain(ours);
    all.see(std::move(seen));
    all.hold_until(kit::owned_shards::clock::now() + std::chrono::hours{1});
    all.told();
  }

  /// Empty for this node.
  std::string owner_of(const std::string& task) const {
    auto now = all.current();
    return now.of(log_id{task}) == kit::standing::owned
               ? std::string{}
               : now.owner_of(log_id{task}).value;
  }

  kit::owned_shards all;
};

std::vector<node_id> many(std::size_t count, const char* name) {
  return std::vector<node_id>(count, node_id{name});
}

} // namespace

TEST_CASE("a node that has a single shard of a thousand carries its tasks, and "
          "is found by others") {
  auto owners = many(998, "big#1");
  owners.push_back(node_id{"small#1"});
  seen_shards it{1, owners};
  for (int i = 0; i < 20; ++i) {
    task_placement place{&it.all};
    CHECK(it.owner_of(place.first()).empty());
    std::set<std::string> asked;
    for (int other = 0; other < 2; ++other) {
      auto next = place.another();
      REQUIRE(next);
      asked.insert(it.owner_of(*next));
    }
    CHECK(asked == std::set<std::string>{"big#1", "small#1"});
    CHECK_FALSE(place.another());
  }
}

TEST_CASE("a node without shards asks each other node once, nobody for a shard "
          "that nobody has, and no more than a limit") {
  SECTION("each once") {
    auto owners = many(100, "n1#1");
    owners.resize(200, node_id{"n2#1"});
    owners.resize(300); // Nobody's.
    seen_shards it{0, owners};
    for (int i = 0; i < 20; ++i) {
      task_placement place{&it.all};
      std::multiset<std::string> asked;
      if (auto first = it.owner_of(place.first()); !first.empty())
        asked.insert(first);
      while (auto next = place.another())
        asked.insert(it.owner_of(*next));
      CHECK(asked == std::multiset<std::string>{"n1#1", "n2#1"});
    }
  }
  SECTION("no more than eight") {
    std::vector<node_id> owners;
    for (int i = 0; i < 64; ++i)
      owners.push_back(node_id{"n" + std::to_string(i) + "#1"});
    seen_shards it{0, owners};
    task_placement place{&it.all};
    std::set<std::string> asked{it.owner_of(place.first())};
    while (auto next = place.another())
      CHECK(asked.insert(it.owner_of(*next)).second);
    CHECK(asked.size() == task_placement::owners_max);
  }
}

TEST_CASE("a node that is alone asks nobody else") {
  seen_shards it{256, {}};
  task_placement place{&it.all};
  CHECK(it.owner_of(place.first()).empty());
  CHECK_FALSE(place.another());
  task_placement without{nullptr};
  CHECK(without.first() != without.first());
  CHECK_FALSE(without.another());
}
