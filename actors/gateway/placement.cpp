#include "actors/gateway/placement.hpp"

#include "actors/gateway/text/identifiers.hpp"
#include "protocols/ids.hpp"

#include <vector>

namespace shannon::gateway {

namespace {

/// So many times as often ids are drawn as it takes on average: all miss once
/// in 10^17 times.
constexpr std::size_t patience = 40;

std::string random_task() {
  return "task-" + random_uuid();
}

bool is_here(const kit::owned_shards::view& now, std::uint32_t shard) {
  return now.of(shard) != kit::standing::elsewhere;
}

} // namespace

std::optional<std::string>
task_placement::draw(const view& now,
                     const std::function<bool(std::uint32_t)>& will_do) {
  std::vector<bool> good(now.shards());
  std::size_t count = 0;
  for (std::uint32_t shard = 0; shard < now.shards(); ++shard) {
    good[shard] = will_do(shard);
    count += good[shard] ? 1 : 0;
  }
  if (count == 0)
    return std::nullopt;
  for (auto left = patience * now.shards() / count; left > 0; --left)
    if (auto task = random_task(); good[now.shard(log_id{task})])
      return task;
  return std::nullopt;
}

void task_placement::note(const view& now, const std::string& task) {
  auto shard = now.shard(log_id{task});
  if (is_here(now, shard))
    asked_.emplace();
  else if (const auto& owner = now.owner_of(shard); !owner.empty())
    asked_.insert(owner.value);
}

std::string task_placement::first() {
  if (!shards_)
    return random_task();
  auto now = shards_->current();
  auto here
      = draw(now, [&now](std::uint32_t shard) { return is_here(now, shard); });
  auto task = here ? std::move(*here) : random_task();
  note(now, task);
  return task;
}

std::optional<std::string> task_placement::another() {
  if (!shards_ || asked_.size() >= owners_max)
    return std::nullopt;
  auto now = shards_->current();
  auto task = draw(now, [&](std::uint32_t shard) {
    if (is_here(now, shard))
      return asked_.count({}) == 0;
    const auto& owner = now.owner_of(shard);
    return !owner.empty() && asked_.count(owner.value) == 0;
  });
  if (task)
    note(now, *task);
  return task;
}

} // namespace shannon::gateway
