#include "actors/gateway/placement.hpp"

#include "actors/gateway/text/identifiers.hpp"
#include "protocols/ids.hpp"

namespace shannon::gateway {

namespace {

/// A node that owns one shard of thirty is found nearly always.
constexpr int draws_max = 256;

} // namespace

std::optional<std::string>
task_placement::owner_of(const kit::owned_shards::view& now,
                         const std::string& task) {
  log_id log{task};
  if (now.of(log) != kit::standing::elsewhere)
    return std::string{};
  const auto& owner = now.owner_of(log);
  return owner.empty() ? std::nullopt : std::optional{owner.value};
}

std::string task_placement::first() {
  if (!shards_)
    return random_task_id([](const log_id&) { return true; });
  auto now = shards_->current();
  auto task = random_task_id([&now](const log_id& log) {
    return now.of(log) != kit::standing::elsewhere;
  });
  if (auto owner = owner_of(now, task))
    asked_.insert(std::move(*owner));
  return task;
}

std::optional<std::string> task_placement::another() {
  if (!shards_ || asked_.size() >= owners_max)
    return std::nullopt;
  auto now = shards_->current();
  if (!now.has_others())
    return std::nullopt;
  for (int i = 0; i < draws_max; ++i) {
    auto task = "task-" + random_uuid();
    auto owner = owner_of(now, task);
    if (owner && asked_.insert(std::move(*owner)).second)
      return task;
  }
  return std::nullopt;
}

} // namespace shannon::gateway
