#include "actors/cluster/ownership.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>

using namespace shannon;
using namespace shannon::cluster;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t second = 1'000'000;
const node_id me{"me"};
const node_id other{"other"};
const lease_settings settings{10s, 1s, 1s};

std::vector<std::uint32_t> numbers(const std::vector<claim_wish>& wishes) {
  std::vector<std::uint32_t> out;
  for (const auto& wish : wishes)
    out.push_back(wish.shard);
  return out;
}

/// A node that owns two shards under epoch 1 since second 0.
ownership owner_of_two() {
  ownership own{me, settings};
  own.next(0);
  own.renewed(0, {{me}, {{}, {}}});
  own.next(0);
  own.claimed({{0, 1}, {1, 1}});
  own.next(0);
  return own;
}

} // namespace

TEST_CASE("a node owns nothing before its lease and its claim are granted") {
  ownership own{me, settings};
  auto first = own.next(0);
  CHECK(first.renew);
  CHECK(first.claim.empty());
  CHECK_FALSE(own.epoch_of(0, 0));

  own.renewed(0, {{me}, {{4, other}, {}}});
  auto claiming = own.next(0);
  CHECK(numbers(claiming.claim) == std::vector<std::uint32_t>{0, 1});
  CHECK(claiming.claim.front().epoch == 4);
  CHECK(claiming.gained.empty());

  own.claimed({{0, 5}});
  REQUIRE(own.next(0).gained.size() == 1);
  CHECK(own.epoch_of(0, 0) == 5);
  CHECK_FALSE(own.epoch_of(1, 0)); // Somebody else was first.
}

TEST_CASE("a lease counts from when it was asked for") {
  ownership own{me, settings};
  own.next(0);
  // Whenever the answer comes: the database counts from after the question.
  own.renewed(0, {{me}, {{}}});
  CHECK(own.holds_lease(9 * second - 1));
  CHECK_FALSE(own.holds_lease(9 * second));
}

TEST_CASE("a node that cannot renew its lease owns nothing") {
  auto own = owner_of_two();
  CHECK(own.next(5 * second).lost.empty());
  own.renewal_failed(5 * second);
  CHECK(own.epoch_of(1, 9 * second - 1) == 1);
  CHECK_FALSE(own.epoch_of(1, 9 * second));
  CHECK(own.next(9 * second).lost == std::vector<std::uint32_t>{0, 1});

  SECTION("and goes on where it was if nobody has claimed meanwhile") {
    own.renewed(20 * second, {{me}, {{1, me}, {1, me}}});
    auto again = own.next(20 * second);
    CHECK(again.gained.size() == 2);
    CHECK(again.claim.empty());
  }
  SECTION("and has lost what somebody else claimed meanwhile") {
    own.renewed(20 * second, {{me, other}, {{2, other}, {1, me}}});
    CHECK_FALSE(own.epoch_of(0, 20 * second));
  }
}

TEST_CASE("a failed renewal is tried again when the next is due") {
  auto own = owner_of_two();
  REQUIRE(own.next(2 * second).renew);
  own.renewal_failed(2 * second + 100);
  CHECK_FALSE(own.next(2 * second + 200).renew);
  CHECK(own.next(3 * second).renew);
}

TEST_CASE("a view from before a claim takes nothing away") {
  auto own = owner_of_two();
  own.renewed(1, {{me}, {{0, {}}, {0, {}}}});
  auto next = own.next(1);
  CHECK(next.lost.empty());
  CHECK(own.epoch_of(0, 1) == 1);
}

TEST_CASE("a higher epoch in the database means the shard is lost") {
  auto own = owner_of_two();
  own.renewed(second, {{me}, {{2, other}, {1, me}}});
  auto next = own.next(second);
  CHECK(next.lost == std::vector<std::uint32_t>{0});
  // It belongs to this node by the nodes that live: it claims it back.
  REQUIRE(next.claim.size() == 1);
  CHECK(next.claim.front().epoch == 2);
}

TEST_CASE("an unanswered claim is made again from what the next view shows") {
  ownership own{me, settings};
  own.next(0);
  own.renewed(0, {{me}, {{}}});
  REQUIRE(own.next(0).claim.size() == 1);
  own.claim_failed();
  CHECK(own.next(1).claim.empty());
  // It had been granted; nobody heard of it.
  own.renewed(second, {{me}, {{1, me}}});
  auto next = own.next(second);
  REQUIRE(next.claim.size() == 1);
  CHECK(next.claim.front().epoch == 1);
}

TEST_CASE("each shard belongs to one of the live nodes, and about evenly") {
  std::vector<node_id> nodes{node_id{"a"}, node_id{"b"}, node_id{"c"}};
  std::map<node_id, int> count;
  for (std::uint32_t shard = 0; shard < 256; ++shard)
    ++count[owner_of(shard, nodes)];
  REQUIRE(count.size() == 3);
  for (const auto& [node, shards] : count)
    CHECK(shards > 50);
  auto seventh = owner_of(7, nodes);
  std::reverse(nodes.begin(), nodes.end());
  CHECK(owner_of(7, nodes) == seventh);
  CHECK(owner_of(7, {}).empty());
}

TEST_CASE("a node that goes moves only the shards it had") {
  std::vector<node_id> all{node_id{"a"}, node_id{"b"}, node_id{"c"}};
  std::vector<node_id> rest{node_id{"a"}, node_id{"b"}};
  for (std::uint32_t shard = 0; shard < 256; ++shard)
    if (auto before = owner_of(shard, all); before != node_id{"c"})
      CHECK(owner_of(shard, rest) == before);
}
