#include "actors/dispatch/effect_queue.hpp"

#include <xxhash.h>

#include <algorithm>
#include <utility>

namespace shannon::dispatch {

effect_queue::effect_queue(node_id self, limits most)
    : self_(std::move(self)), limits_(most) {}

bool effect_queue::add(job what) {
  auto& of_tenant = tenants_[what.tenant];
  if (waiting_ >= limits_.waiting_max
      || of_tenant >= limits_.tenant_waiting_max) {
    if (of_tenant == 0)
      tenants_.erase(what.tenant);
    return false;
  }
  ++of_tenant;
  ++waiting_;
  (what.batch ? batch_ : interactive_).push(what.tenant, what.id);
  by_key_[what.attempt_key] = what.id;
  auto id = what.id;
  jobs_.emplace(id, entry{std::move(what), std::nullopt, false});
  return true;
}

void effect_queue::add_pinned(job what, const node_id& worker) {
  by_key_[what.attempt_key] = what.id;
  auto id = what.id;
  jobs_.emplace(id, entry{std::move(what), worker, true});
  ++pinned_[worker];
}

std::optional<effect_queue::placed> effect_queue::next() {
  if (waiting_ == 0 || !has_room_anywhere())
    return std::nullopt;
  auto* one = pop();
  if (!one)
    return std::nullopt;
  stop_waiting(*one);
  one->worker = choose(one->what);
  ++windows_[*one->worker].under_way;
  return placed{one->what.id, *one->worker};
}

/// The next that still waits, and may go to a worker.
effect_queue::entry* effect_queue::pop() {
  auto may_go
      = [this](const auto& tenant) { return has_room_anywhere(tenant); };
  for (;;) {
    auto batch_first = (turn_ + 1) % limits_.batch_turn == 0;
    auto id = (batch_first ? batch_ : interactive_).pop(may_go);
    if (!id)
      id = (batch_first ? interactive_ : batch_).pop(may_go);
    if (!id)
      return nullptr;
    ++turn_;
    if (auto at = jobs_.find(*id); at != jobs_.end())
      return &at->second;
  }
}

void effect_queue::put_back(std::uint64_t id) {
  auto at = jobs_.find(id);
  if (at == jobs_.end() || !at->second.worker || at->second.pinned)
    return;
  auto& one = at->second;
  if (auto there = windows_.find(*one.worker); there != windows_.end()) {
    --there->second.under_way;
    there->second.full_for.insert(one.what.tenant);
  }
  one.worker.reset();
  ++waiting_;
  ++tenants_[one.what.tenant];
  (one.what.batch ? batch_ : interactive_).put_back(one.what.tenant, id);
}

void effect_queue::stop_waiting(const entry& one) {
  --waiting_;
  auto of_tenant = tenants_.find(one.what.tenant);
  if (--of_tenant->second == 0)
    tenants_.erase(of_tenant);
}

void effect_queue::done(std::uint64_t id) {
  auto at = jobs_.find(id);
  if (at == jobs_.end())
    return;
  const auto& one = at->second;
  if (!one.worker) {
    stop_waiting(one);
  } else if (one.pinned) {
    if (auto there = pinned_.find(*one.worker); --there->second == 0)
      pinned_.erase(there);
  } else if (auto there = windows_.find(*one.worker); there != windows_.end()) {
    --there->second.under_way;
  }
  if (auto key = by_key_.find(one.what.attempt_key);
      key != by_key_.end() && key->second == id)
    by_key_.erase(key);
  jobs_.erase(at);
  sweep(interactive_);
  sweep(batch_);
}

/// What does not wait any more is left in its lane; more than what waits, and
/// it is swept out.
void effect_queue::sweep(fair_lane& lane) {
  constexpr std::size_t slack = 1'000;
  if (lane.size() <= 2 * waiting_ + slack)
    return;
  fair_lane kept;
  while (auto id = lane.pop([](const auto&) { return true; }))
    if (auto at = jobs_.find(*id); at != jobs_.end() && !at->second.worker)
      kept.push(at->second.what.tenant, *id);
  lane = std::move(kept);
}

std::optional<effect_queue::found>
effect_queue::find(const std::string& attempt_key) const {
  auto key = by_key_.find(attempt_key);
  if (key == by_key_.end())
    return std::nullopt;
  return found{key->second, jobs_.at(key->second).worker};
}

std::vector<std::uint64_t> effect_queue::that_wait() const {
  std::vector<std::uint64_t> all;
  for (const auto& [id, one] : jobs_)
    if (!one.worker)
      all.push_back(id);
  std::sort(all.begin(), all.end());
  return all;
}

void effect_queue::open(const node_id& worker, std::uint64_t window) {
  auto [at, fresh] = windows_.try_emplace(worker);
  at->second.open = window;
  // It may come back while something of before is still under way.
  if (fresh)
    at->second.under_way = static_cast<std::uint64_t>(
        std::count_if(jobs_.begin(), jobs_.end(), [&](const auto& one) {
          return one.second.worker == worker && !one.second.pinned;
        }));
}

void effect_queue::close(const node_id& worker) {
  windows_.erase(worker);
}

void effect_queue::pass_by(std::uint64_t count) {
  if (auto own = windows_.find(self_); own != windows_.end())
    own->second.passing = count;
}

std::uint64_t effect_queue::room_to_pass() const {
  auto own = windows_.find(self_);
  if (own == windows_.end() || waiting_ > 0)
    return 0;
  const auto& there = own->second;
  return there.open - std::min(there.open, there.under_way);
}

bool effect_queue::reopen(const node_id& worker) {
  auto at = windows_.find(worker);
  return at != windows_.end()
         && !std::exchange(at->second.full_for, {}).empty();
}

std::size_t effect_queue::waiting_of(const std::string& tenant) const {
  auto at = tenants_.find(tenant);
  return at == tenants_.end() ? 0 : at->second;
}

std::uint64_t effect_queue::under_way(const node_id& worker) const {
  auto at = windows_.find(worker);
  return at == windows_.end() ? 0 : at->second.taken();
}

std::uint64_t effect_queue::pinned(const node_id& worker) const {
  auto at = pinned_.find(worker);
  return at == pinned_.end() ? 0 : at->second;
}

std::uint64_t effect_queue::demand(const node_id& worker) const {
  auto at = windows_.find(worker);
  if (at == windows_.end())
    return waiting_;
  auto wanted = waiting_ + at->second.taken();
  for (const auto& tenant : at->second.full_for)
    wanted -= waiting_of(tenant);
  return wanted;
}

bool effect_queue::has_room_anywhere() const {
  return std::any_of(windows_.begin(), windows_.end(),
                     [](const auto& one) { return one.second.has_room(); });
}

bool effect_queue::has_room_anywhere(const std::string& tenant) const {
  return std::any_of(windows_.begin(), windows_.end(), [&](const auto& one) {
    return one.second.has_room(tenant);
  });
}

/// Equal room: by key, so that an attempt that is asked for again by another
/// node tends to meet itself.
std::optional<node_id> effect_queue::choose(const job& what) const {
  if (auto own = windows_.find(self_);
      own != windows_.end() && own->second.has_room(what.tenant))
    return self_;
  const auto& key = what.attempt_key;
  const node_id* best = nullptr;
  std::pair<std::uint64_t, std::uint64_t> highest{0, 0};
  for (const auto& [worker, window] : windows_) {
    if (!window.has_room(what.tenant))
      continue;
    std::pair<std::uint64_t, std::uint64_t> rank{
        window.open - window.taken(),
        XXH64(key.data(), key.size(),
              XXH64(worker.value.data(), worker.value.size(), 0))};
    if (!best || rank > highest) {
      best = &worker;
      highest = rank;
    }
  }
  return best ? std::optional{*best} : std::nullopt;
}

} // namespace shannon::dispatch
