#pragma once

#include "protocols/ids.hpp"

#include <xxhash.h>

#include <cstdint>
#include <string_view>

namespace shannon::store {

/// What a log's id begins with, up to its first slash: agents and child runs
/// are named below their run (`task-1/agent-2`) and lie in its shard, so that
/// whoever owns the one owns the other.
inline std::string_view root_of(const log_id& log) noexcept {
  return std::string_view{log.value}.substr(0, log.value.find('/'));
}

/// The shard whose epoch fences a log. Stored data leans on this function and
/// on `shards`: neither may change for a database that has logs.
inline std::uint32_t shard_of(const log_id& log,
                              std::uint32_t shards) noexcept {
  auto root = root_of(log);
  return static_cast<std::uint32_t>(XXH64(root.data(), root.size(), 0)
                                    % shards);
}

} // namespace shannon::store
