#include "actors/cluster/ownership.hpp"

#include <xxhash.h>

#include <algorithm>
#include <utility>

namespace shannon::cluster {

node_id owner_of(std::uint32_t shard, const std::vector<node_id>& nodes) {
  const node_id* best = nullptr;
  XXH64_hash_t highest = 0;
  for (const auto& node : nodes) {
    auto hash = XXH64(node.value.data(), node.value.size(), shard);
    // Equal hashes are as good as impossible, but must not depend on the order.
    if (!best || hash > highest || (hash == highest && node > *best)) {
      best = &node;
      highest = hash;
    }
  }
  return best ? *best : node_id{};
}

ownership::ownership(node_id self, lease_settings settings)
    : self_(std::move(self)), settings_(settings) {}

ownership::agenda ownership::next(std::int64_t now_us) {
  agenda what;
  if (!renewing_ && renew_at_us_ <= now_us) {
    renewing_ = true;
    what.renew = true;
    renew_at_us_ = now_us + settings_.renew_every.count();
  }
  auto live = holds_lease(now_us);
  if (live && !claiming_ && !wishes_.empty()) {
    claiming_ = true;
    what.claim = std::exchange(wishes_, {});
  }
  static const std::map<std::uint32_t, shard_epoch> none;
  const auto& owned = live ? held_ : none;
  for (auto at = told_.begin(); at != told_.end();) {
    auto mine = owned.find(at->first);
    if (mine != owned.end() && mine->second == at->second) {
      ++at;
      continue;
    }
    what.lost.push_back(at->first);
    at = told_.erase(at);
  }
  for (const auto& [shard, epoch] : owned)
    if (told_.emplace(shard, epoch).second)
      what.gained.push_back({shard, epoch});
  what.wake_at_us
      = renewing_ ? now_us + settings_.renew_every.count() : renew_at_us_;
  if (live)
    what.wake_at_us = std::min(what.wake_at_us, lease_until_us_);
  return what;
}

void ownership::renewed(std::int64_t asked_us, const cluster_view& view) {
  renewing_ = false;
  lease_until_us_ = std::max(lease_until_us_, asked_us + settings_.lease.count()
                                                  - settings_.margin.count());
  if (asked_us < view_asked_us_)
    return; // A later one was taken in already.
  view_asked_us_ = asked_us;
  wishes_.clear();
  for (std::uint32_t shard = 0; shard < view.shards.size(); ++shard) {
    const auto& row = view.shards[shard];
    auto mine = held_.find(shard);
    // A lower epoch than ours is from before our claim.
    if (mine != held_.end() && row.epoch > mine->second) {
      held_.erase(mine);
      mine = held_.end();
    }
    if (owner_of(shard, view.eligible) != self_) {
      if (mine != held_.end())
        held_.erase(mine);
    } else if (mine == held_.end()) {
      wishes_.push_back({shard, row.epoch});
    }
  }
}

void ownership::renewal_failed(std::int64_t now_us) {
  renewing_ = false;
  renew_at_us_
      = std::max(renew_at_us_, now_us + settings_.renew_every.count() / 4);
}

void ownership::claimed(const std::vector<claim_grant>& granted) {
  claiming_ = false;
  for (const auto& [shard, epoch] : granted) {
    auto& mine = held_[shard];
    mine = std::max(mine, epoch);
  }
}

void ownership::claim_failed() {
  claiming_ = false;
}

std::optional<shard_epoch> ownership::epoch_of(std::uint32_t shard,
                                               std::int64_t now_us) const {
  auto at = held_.find(shard);
  if (at == held_.end() || !holds_lease(now_us))
    return std::nullopt;
  return at->second;
}

} // namespace shannon::cluster
