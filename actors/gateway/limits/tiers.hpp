#pragma once

#include <cstdint>
#include <string_view>

namespace shannon::gateway {

/// How many requests a tenant's plan allows, per user or key.
struct tier_limits {
  std::uint32_t minute;
  std::uint32_t hour;
  std::uint32_t day;
};

/// Of an unknown tier: those of `free`.
constexpr tier_limits limits_of(std::string_view tier) noexcept {
  if (tier == "pro")
    return {200, 5'000, 50'000};
  if (tier == "max")
    return {300, 10'000, 100'000};
  if (tier == "enterprise")
    return {500, 20'000, 200'000};
  if (tier == "admin")
    return {1'000, 100'000, 1'000'000};
  return {60, 1'000, 10'000};
}

} // namespace shannon::gateway
