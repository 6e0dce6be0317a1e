#include "actors/cluster/ownership.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>

using namespace shannon;
using namespace shannon::cluster;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t second = 1'000'000;
const node_id me{"me#3"};
const node_id other{"other#1"};
const lease_settings settings{10s, 1s, 1s, 30s};

std::vector<std::uint32_t> numbers(const std::vector<shard_change>& changes) {
  std::vector<std::uint32_t> out;
  for (const auto& one : changes)
    out.push_back(one.shard);
  return out;
}

using shards = std::vector<std::uint32_t>;

/// A node and what the database tells it, step by step.
struct node {
  ownership own{me, settings};
  membership view{{{me}}, 0, 0};
  std::vector<shard_row> rows;

  node() {
    view.members[0].left_us = 10 * second;
  }

  void add(const node_id& id, bool settled = true) {
    view.members.push_back({id, true, settled, false, 10 * second});
  }

  member& at(const node_id& id) {
    return *std::find_if(view.members.begin(), view.members.end(),
                         [&](const auto& one) { return one.id == id; });
  }

  /// A renewal, and the reading of the shards if it is wanted.
  ownership::agenda renew(std::int64_t now) {
    own.next(now);
    view.shards_version = 0;
    for (const auto& row : rows)
      view.shards_version += row.epoch;
    own.renewed(now, now, view);
    auto what = own.next(now);
    if (what.read_shards) {
      own.shards_read(rows);
      auto more = own.next(now);
      // A reading alone makes nothing lost, gained or claimed.
      what.claim = std::move(more.claim);
      what.lost.insert(what.lost.end(), more.lost.begin(), more.lost.end());
      what.gained.insert(what.gained.end(), more.gained.begin(),
                         more.gained.end());
      what.release = std::move(more.release);
    }
    return what;
  }

  /// The database grants all that is wished.
  void grant(const std::vector<shard_change>& wishes) {
    std::vector<shard_change> granted;
    for (const auto& [shard, epoch] : wishes) {
      rows[shard] = {epoch + 1, me};
      granted.push_back({shard, epoch + 1});
    }
    own.claimed(granted);
  }
};

/// Alone, owner of `count` shards under epoch 1 since second 0.
node owner_of_all(std::uint32_t count) {
  node one;
  one.rows.resize(count);
  one.grant(one.renew(0).claim);
  one.own.next(0);
  REQUIRE(one.own.held() == count);
  return one;
}

/// The shards of so many that `who` should have while `me` and `other` live.
shards shards_of(const node_id& who, std::uint32_t count) {
  shards out;
  for (std::uint32_t shard = 0; shard < count; ++shard)
    if (owner_of(shard, {me, other}) == who)
      out.push_back(shard);
  return out;
}

} // namespace

// -- the lease ----------------------------------------------------------------

TEST_CASE("a node owns nothing before its lease and its claim are granted") {
  node one;
  auto first = one.own.next(0);
  CHECK(first.renew);
  CHECK(first.claim.empty());
  CHECK_FALSE(one.own.epoch_of(0, 0));
  one.rows = {{4, {}}, {}};
  auto claiming = one.renew(0);
  CHECK(claiming.claim == std::vector<shard_change>{{0, 4}, {1, 0}});
  CHECK(claiming.gained.empty());
  CHECK_FALSE(one.own.told());

  one.own.claimed({{0, 5}});
  CHECK(one.own.next(0).gained == std::vector<shard_change>{{0, 5}});
  CHECK(one.own.epoch_of(0, 0) == 5);
  CHECK_FALSE(one.own.epoch_of(1, 0)); // Somebody else was first.
  CHECK(one.own.told());
}

TEST_CASE("a lease counts from when it was asked for") {
  node one;
  one.own.next(0);
  // Whenever the answer comes: the database counts from after the question.
  one.own.renewed(0, 3 * second, one.view);
  CHECK(one.own.holds_lease(9 * second - 1));
  CHECK_FALSE(one.own.holds_lease(9 * second));
}

TEST_CASE("a node that cannot renew its lease writes nothing, and goes on "
          "where it was if nobody has claimed meanwhile") {
  auto one = owner_of_all(2);
  CHECK(one.own.epoch_of(1, 9 * second - 1) == 1);
  CHECK_FALSE(one.own.epoch_of(1, 9 * second));
  CHECK(one.own.next(9 * second).lost.empty());
  CHECK(one.own.next(38 * second).lost.empty());

  SECTION("before it gives up") {
    auto again = one.renew(38 * second);
    CHECK(again.claim.empty());
    CHECK(again.gained.empty()); // It never lost them.
    CHECK(one.own.epoch_of(1, 38 * second) == 1);
  }
  SECTION("after it gave up, without a claim") {
    CHECK(one.own.next(39 * second).lost == shards{0, 1});
    auto again = one.renew(50 * second);
    CHECK(again.claim.empty());
    CHECK(again.gained == std::vector<shard_change>{{0, 1}, {1, 1}});
  }
  SECTION("but not with what somebody else has claimed") {
    one.add(other, false);
    one.rows[0] = {2, other};
    auto again = one.renew(20 * second);
    CHECK(again.lost == shards{0});
    CHECK_FALSE(one.own.epoch_of(0, 20 * second));
  }
}

TEST_CASE("a failed renewal is tried again soon") {
  auto one = owner_of_all(2);
  REQUIRE(one.own.next(2 * second).renew);
  one.own.renewal_failed(2 * second + 900'000);
  CHECK_FALSE(one.own.next(2 * second + 1'000'000).renew);
  CHECK(one.own.next(2 * second + 1'150'000).renew);
}

TEST_CASE("the end of another's lease is looked at when it comes") {
  node one;
  one.add(other);
  one.at(other).left_us = 400'000;
  one.own.next(0);
  one.own.renewed(0, 100'000, one.view);
  auto what = one.own.next(100'000);
  CHECK_FALSE(what.renew);
  CHECK(what.wake_at_us == 501'000);
  CHECK(one.own.next(501'000).renew);
}

TEST_CASE("an idle node renews and asks nothing else") {
  auto one = owner_of_all(16);
  one.own.next(second);
  for (int i = 1; i < 100; ++i) {
    one.view.shards_version = 16;
    auto now = i * second;
    one.own.next(now);
    one.own.renewed(now, now, one.view);
    auto what = one.own.next(now);
    CHECK_FALSE(what.read_shards);
    CHECK(what.claim.empty());
    CHECK(what.release.empty());
    CHECK(what.wake_at_us == now + second);
  }
}

// -- claims -------------------------------------------------------------------

TEST_CASE("a shard whose owner lives is not claimed") {
  node one;
  one.add(other);
  one.at(other).settled = false;
  one.rows = {{3, other}, {3, other}};
  CHECK(one.renew(0).claim.empty());
  CHECK(one.own.told());
}

TEST_CASE("a shard whose owner's lease has ended is claimed by who has held "
          "its own for as long as a lease lasts") {
  node one;
  one.rows = {{3, other}};
  one.add(other);
  one.at(other).left_us = -1;
  one.view.held_us = 10 * second - 1;
  // Perhaps the database was away, and that one is about to come back.
  CHECK(one.renew(0).claim.empty());
  one.view.held_us = 10 * second;
  CHECK(one.renew(second).claim == std::vector<shard_change>{{0, 3}});
}

TEST_CASE("a process takes at once what the one of its name before it had") {
  node one;
  one.add(other); // has settled; this one has not
  one.at(me).settled = false;
  auto mine = shards_of(me, 16);
  one.rows.resize(16, {7, node_id{"me#2"}});
  CHECK(numbers(one.renew(0).claim) == mine);

  SECTION("unless it comes again and again") {
    node flapping;
    flapping.add(other);
    flapping.at(me).settled = false;
    flapping.at(me).flaps = true;
    flapping.rows.resize(16, {7, node_id{"me#2"}});
    CHECK(flapping.renew(0).claim.empty());
  }
}

TEST_CASE("what a dead process had is left to the one that has its name now") {
  node one;
  node_id heir{"other#2"};
  one.add(heir, false);
  one.rows.resize(16, {7, other});
  CHECK(numbers(one.renew(0).claim) == shards_of(me, 16));
}

TEST_CASE("a view from before a claim takes nothing away") {
  auto one = owner_of_all(2);
  one.own.shards_read({{0, {}}, {0, {}}});
  CHECK(one.own.next(1).lost.empty());
  CHECK(one.own.epoch_of(0, 1) == 1);
}

TEST_CASE("a higher epoch in the database means the shard is lost") {
  auto one = owner_of_all(2);
  one.rows[0] = {2, other}; // of whom nothing is known any more
  auto next = one.renew(second);
  CHECK(next.lost == shards{0});
  // It should be this node's: it claims it back.
  CHECK(next.claim == std::vector<shard_change>{{0, 2}});
}

TEST_CASE("an unanswered claim is made again from what the next view shows") {
  node one;
  one.rows.resize(1);
  REQUIRE(one.renew(0).claim.size() == 1);
  one.own.claim_failed();
  CHECK(one.own.next(1).claim.empty());
  // It had been granted; nobody heard of it.
  one.rows[0] = {1, me};
  CHECK(one.renew(second).claim == std::vector<shard_change>{{0, 1}});
}

TEST_CASE("a node without the role owns nothing, and is told so") {
  node one;
  one.at(me).owns = false;
  one.rows.resize(4);
  CHECK(one.renew(0).claim.empty());
  CHECK(one.own.told());
  CHECK(one.own.complete());
}

// -- hand-over ----------------------------------------------------------------

TEST_CASE("a newcomer is given its shards once it has settled, and after "
          "their runs have ended here") {
  auto one = owner_of_all(16);
  one.add(other, false);
  CHECK(one.renew(second).lost.empty());
  one.at(other).settled = true;
  auto theirs = shards_of(other, 16);
  auto handing = one.renew(2 * second);
  CHECK(handing.lost == theirs);
  CHECK(handing.release.empty());
  CHECK(one.own.next(2 * second).release.empty());
  one.own.stopped(theirs);
  CHECK(one.own.next(2 * second).release == theirs);
  CHECK(one.own.next(2 * second).release.empty()); // It is under way.
  std::vector<shard_change> done;
  for (auto shard : theirs) {
    one.rows[shard] = {2, {}};
    done.push_back({shard, 2});
  }
  one.own.released(done);
  auto after = one.renew(3 * second);
  CHECK(after.claim.empty());
  CHECK(after.release.empty());
  CHECK(one.own.held() == 16 - theirs.size());
}

TEST_CASE("a release that failed is tried at the next renewal") {
  auto one = owner_of_all(16);
  one.add(other);
  auto theirs = one.renew(second).lost;
  one.own.stopped(theirs);
  REQUIRE(one.own.next(second).release == theirs);
  one.own.release_failed();
  CHECK(one.own.next(second).release.empty());
  CHECK(one.renew(2 * second).release == theirs);
}

TEST_CASE("a shard is kept after all if who should have it has gone") {
  auto one = owner_of_all(16);
  one.add(other);
  auto theirs = one.renew(second).lost;
  REQUIRE_FALSE(theirs.empty());
  one.view.members.pop_back();
  auto kept = one.renew(2 * second);
  CHECK(numbers(kept.gained) == theirs);
  CHECK(kept.release.empty());
  CHECK(one.own.held() == 16);
}

TEST_CASE("a newcomer is complete when it has what it should have") {
  node one;
  one.add(other);
  one.at(me).settled = false;
  one.rows.resize(16, {1, other});
  CHECK(one.renew(0).claim.empty());
  CHECK(one.own.told());
  CHECK_FALSE(one.own.complete());
  one.at(me).settled = true;
  for (auto shard : shards_of(me, 16))
    one.rows[shard] = {2, {}};
  one.grant(one.renew(second).claim);
  CHECK(one.own.complete());
}

TEST_CASE("a shell that was started anew ends the runs it was to end") {
  auto one = owner_of_all(16);
  one.add(other);
  auto theirs = one.renew(second).lost;
  one.own.restarted();
  CHECK(one.own.next(second).lost == theirs);
}

// -- placement ----------------------------------------------------------------

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
  std::vector<node_id> all{node_id{"a#1"}, node_id{"b#1"}, node_id{"c#1"}};
  std::vector<node_id> rest{node_id{"a#1"}, node_id{"b#1"}};
  for (std::uint32_t shard = 0; shard < 256; ++shard)
    if (auto before = owner_of(shard, all); before != node_id{"c#1"})
      CHECK(owner_of(shard, rest) == before);
}

TEST_CASE("a node that comes back has the shards it had") {
  std::vector<node_id> before{node_id{"a#1"}, node_id{"b#1"}};
  std::vector<node_id> after{node_id{"a#2"}, node_id{"b#1"}};
  for (std::uint32_t shard = 0; shard < 256; ++shard)
    CHECK(name_of(owner_of(shard, before)) == name_of(owner_of(shard, after)));
}
