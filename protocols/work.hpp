#pragma once

#include <cstdint>

/// What a role tells the GRANTOR of its node.
namespace shannon::work {

/// So many effects at once from here on, instead of what it began with.
struct capacity_is {
  std::uint64_t effects = 0;
};

} // namespace shannon::work
