#pragma once

#include "protocols/ids.hpp"

#include <xxhash.h>

#include <cstdint>

namespace shannon::store {

/// The shard whose epoch fences a log. Stored data leans on this function and
/// on `shards`: neither may change for a database that has logs.
inline std::uint32_t shard_of(const log_id& log,
                              std::uint32_t shards) noexcept {
  return static_cast<std::uint32_t>(XXH64(log.value.data(), log.value.size(), 0)
                                    % shards);
}

} // namespace shannon::store
