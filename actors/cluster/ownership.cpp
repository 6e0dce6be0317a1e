#include "actors/cluster/ownership.hpp"

#include <xxhash.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace shannon::cluster {

node_id owner_of(std::uint32_t shard, const std::vector<node_id>& nodes) {
  const node_id* best = nullptr;
  XXH64_hash_t highest = 0;
  for (const auto& node : nodes) {
    auto name = name_of(node);
    auto hash = XXH64(name.data(), name.size(), shard);
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

// -- what is to be done -------------------------------------------------------

ownership::agenda ownership::next(std::int64_t now_us) {
  agenda what;
  if (!renewing_ && renew_at_us_ <= now_us) {
    renewing_ = true;
    what.renew = true;
    renew_at_us_ = now_us + settings_.renew_every.count();
  }
  auto live = holds_lease(now_us);
  if (live && may_read_ && !reading_ && !knows_shards())
    what.read_shards = reading_ = true;
  if (live && !claiming_ && !wishes_.empty()) {
    claiming_ = true;
    what.claim = std::exchange(wishes_, {});
  }
  if (now_us >= lease_until_us_ + settings_.give_up_after.count()) {
    for (const auto& [shard, epoch] : held_)
      leaving_[shard] = {epoch, false};
    held_.clear();
  }
  for (auto at = told_.begin(); at != told_.end();) {
    auto mine = held_.find(at->first);
    if (mine != held_.end() && mine->second == at->second) {
      ++at;
      continue;
    }
    what.lost.push_back(at->first);
    at = told_.erase(at);
  }
  for (const auto& [shard, epoch] : held_)
    if (live && told_.emplace(shard, epoch).second)
      what.gained.push_back({shard, epoch});
  if (live && may_release_ && !releasing_) {
    for (const auto& [shard, how] : leaving_)
      if (how.stopped)
        what.release.push_back(shard);
    releasing_ = !what.release.empty();
    may_release_ = !releasing_;
  }
  what.wake_at_us
      = renewing_ ? now_us + settings_.renew_every.count() : renew_at_us_;
  if (live)
    what.wake_at_us = std::min(what.wake_at_us, lease_until_us_);
  else if (!held_.empty())
    what.wake_at_us = std::min(
        what.wake_at_us, lease_until_us_ + settings_.give_up_after.count());
  return what;
}

// -- the lease ----------------------------------------------------------------

void ownership::renewed(std::int64_t asked_us, std::int64_t now_us,
                        const membership& view) {
  renewing_ = false;
  may_release_ = true;
  may_read_ = true;
  lease_until_us_ = std::max(lease_until_us_, asked_us + settings_.lease.count()
                                                  - settings_.margin.count());
  if (asked_us < view_asked_us_)
    return; // A later one was taken in already.
  view_asked_us_ = asked_us;
  view_ = view;
  // When a lease ends that is not renewed by then, it is seen at once.
  for (const auto& one : view_.members)
    if (one.id != self_ && one.left_us > 0)
      renew_at_us_ = std::min(renew_at_us_, now_us + one.left_us + 1'000);
  // What has changed hands is read before anything is decided.
  if (knows_shards())
    decide();
  else
    wishes_.clear();
}

void ownership::renewal_failed(std::int64_t now_us) {
  renewing_ = false;
  renew_at_us_
      = std::max(renew_at_us_, now_us + settings_.renew_every.count() / 4);
}

void ownership::restarted() {
  renewing_ = reading_ = claiming_ = releasing_ = false;
  renew_at_us_ = 0;
  // Who was to end the runs of these may not have heard of it.
  for (auto& [shard, how] : leaving_)
    if (!how.stopped)
      told_.emplace(shard, how.epoch);
}

// -- the shards ---------------------------------------------------------------

void ownership::shards_read(const std::vector<shard_row>& rows) {
  reading_ = false;
  may_read_ = false;
  rows_.resize(rows.size());
  for (std::uint32_t shard = 0; shard < rows.size(); ++shard)
    take(shard, rows[shard].epoch, rows[shard].owner);
  decide();
}

void ownership::reading_failed() {
  reading_ = false;
  may_read_ = false;
}

void ownership::claimed(const std::vector<shard_change>& granted) {
  claiming_ = false;
  for (const auto& [shard, epoch] : granted) {
    take(shard, epoch, self_);
    auto& mine = held_[shard];
    mine = std::max(mine, epoch);
  }
}

void ownership::drain() {
  drains_ = true;
  decide();
}

void ownership::claim_failed() {
  claiming_ = false;
}

void ownership::stopped(const std::vector<std::uint32_t>& shards) {
  for (auto shard : shards)
    if (auto at = leaving_.find(shard); at != leaving_.end())
      at->second.stopped = true;
}

void ownership::released(const std::vector<shard_change>& given_up) {
  releasing_ = false;
  for (const auto& [shard, epoch] : given_up) {
    take(shard, epoch, {});
    leaving_.erase(shard);
  }
}

void ownership::release_failed() {
  releasing_ = false;
}

/// What was read before a change and is told after it is older news.
void ownership::take(std::uint32_t shard, shard_epoch epoch, node_id owner) {
  if (shard < rows_.size() && epoch > rows_[shard].epoch)
    rows_[shard] = {epoch, std::move(owner)};
}

bool ownership::knows_shards() const {
  auto sum = std::accumulate(
      rows_.begin(), rows_.end(), std::int64_t{0},
      [](auto so_far, const auto& row) { return so_far + row.epoch; });
  return !rows_.empty() && view_.shards_version <= sum;
}

// -- who should own what ------------------------------------------------------

void ownership::decide() {
  wishes_.clear();
  auto settled = owners(true);
  auto live = owners(false);
  for (std::uint32_t shard = 0; shard < rows_.size(); ++shard)
    decide_for(shard, settled, live);
}

void ownership::decide_for(std::uint32_t shard,
                           const std::vector<node_id>& settled,
                           const std::vector<node_id>& live) {
  const auto& row = rows_[shard];
  if (auto gone = leaving_.find(shard);
      gone != leaving_.end() && gone->second.epoch < row.epoch)
    leaving_.erase(gone);
  if (auto mine = held_.find(shard); mine != held_.end()) {
    // Nobody else is given it before its runs have ended here.
    if (mine->second < row.epoch) {
      held_.erase(mine);
    } else if (!should_own(shard, settled, true)) {
      leaving_[shard] = {mine->second, false};
      held_.erase(mine);
      return;
    } else {
      return;
    }
  }
  // A free shard and one of the dead go to who has settled; in a young cluster
  // to whoever is there.
  auto candidates = settled.empty() ? live : settled;
  if (auto gone = leaving_.find(shard); gone != leaving_.end()) {
    if (!releasing_ && should_own(shard, settled, true)) {
      held_[shard] = gone->second.epoch;
      leaving_.erase(gone);
    }
    return;
  }
  if (row.owner == self_) {
    // Granted without a word. It is claimed again, or given up.
    if (should_own(shard, settled, true))
      wishes_.push_back({shard, row.epoch});
    else
      leaving_[shard] = {row.epoch, true};
    return;
  }
  if (!row.owner.empty() && !is_gone(row.owner))
    return;
  const auto* heir = heir_of(row.owner);
  if (heir && !heir->flaps)
    candidates.push_back(heir->id);
  if (should_own(shard, std::move(candidates), false))
    wishes_.push_back({shard, row.epoch});
}

bool ownership::should_own(std::uint32_t shard, std::vector<node_id> others,
                           bool with_self) const {
  if (drains_)
    return false;
  const auto* me = find(self_);
  if (with_self && me && me->owns)
    others.push_back(self_);
  return owner_of(shard, others) == self_;
}

/// Nothing of it is to be expected any more; the fence bears an error.
bool ownership::is_gone(const node_id& owner) const {
  const auto* known = find(owner);
  return !known
         || (known->left_us <= 0 && view_.held_us >= settings_.lease.count());
}

const member* ownership::find(const node_id& process) const {
  auto at = std::find_if(view_.members.begin(), view_.members.end(),
                         [&](const auto& one) { return one.id == process; });
  return at == view_.members.end() ? nullptr : &*at;
}

const member* ownership::heir_of(const node_id& process) const {
  for (const auto& one : view_.members)
    if (one.owns && one.left_us > 0 && one.id != process
        && name_of(one.id) == name_of(process))
      return &one;
  return nullptr;
}

std::vector<node_id> ownership::owners(bool settled_only) const {
  std::vector<node_id> out;
  for (const auto& one : view_.members)
    if (one.owns && one.left_us > 0 && (one.settled || !settled_only))
      out.push_back(one.id);
  return out;
}

// -- what is known ------------------------------------------------------------

std::optional<shard_epoch> ownership::epoch_of(std::uint32_t shard,
                                               std::int64_t now_us) const {
  auto at = held_.find(shard);
  if (at == held_.end() || !holds_lease(now_us))
    return std::nullopt;
  return at->second;
}

bool ownership::told() const noexcept {
  return !rows_.empty() && wishes_.empty() && !claiming_;
}

bool ownership::complete() const {
  if (!told())
    return false;
  auto live = owners(false);
  for (std::uint32_t shard = 0; shard < rows_.size(); ++shard)
    if (owner_of(shard, live) == self_ && held_.count(shard) == 0)
      return false;
  return true;
}

} // namespace shannon::cluster
