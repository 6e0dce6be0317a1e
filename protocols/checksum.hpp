#pragma once

#include "protocols/ids.hpp"

#include <xxhash.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace shannon::store {

/// The checksum of a log that ends with `fact` at `version`, when it was
/// `previous` before. It covers all facts up to here and their order, so a
/// lost, changed or moved fact shows when the log is read. Not a signature:
/// it finds accidents, not forgers.
inline std::uint64_t chain(std::uint64_t previous, log_version version,
                           std::string_view fact) noexcept {
  // Byte by byte, so that the value does not depend on the machine.
  std::array<unsigned char, 16> place{};
  auto number = static_cast<std::uint64_t>(version);
  for (std::size_t i = 0; i < 8; ++i) {
    place[i] = static_cast<unsigned char>(previous >> (8 * i));
    place[8 + i] = static_cast<unsigned char>(number >> (8 * i));
  }
  auto seed = XXH3_64bits(place.data(), place.size());
  return XXH3_64bits_withSeed(fact.data(), fact.size(), seed);
}

/// What the chain of a log begins with, so that facts never pass for those of
/// another log. Logs from before this was so begin with 0.
inline std::uint64_t chain_origin(const log_id& log) noexcept {
  return XXH3_64bits(log.value.data(), log.value.size());
}

} // namespace shannon::store
