#pragma once

#include "actors/kit/owned_shards.hpp"
#include "protocols/errc.hpp"
#include "protocols/store.hpp"

namespace shannon::store {

/// Refuses what the database would refuse with an error, which would cost the
/// whole group: text that is not UTF-8 or holds zeros, sizes out of bounds.
result<void> check(const append& what);

/// Why this node does not touch the log: `fenced` if another node has it,
/// `unavailable` if its own lease is on its way.
error not_ours(const kit::owned_shards::view& owned, const log_id& log);

} // namespace shannon::store
