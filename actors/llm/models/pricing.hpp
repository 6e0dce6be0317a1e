#pragma once

#include "protocols/remote/llm.pb.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace shannon::llm {

/// Nano-US-dollars per thousand tokens: a dollar per million tokens is
/// 1'000'000 of it, so that the sixth decimal of a price still is an integer.
struct prices {
  std::int64_t input = 0;
  std::int64_t output = 0;
  std::int64_t cache_read = 0;
  std::int64_t cache_write = 0;
};

/// Highest price that is believed: 1000 dollars per million tokens.
inline constexpr std::int64_t price_max = 1'000'000'000;

/// Reads dollars per million tokens: `0.25`. At most six decimals, not
/// negative, at most `price_max`.
std::optional<std::int64_t> parse_price(std::string_view dollars);

/// What `usage` costs, rounded up to a whole nano-dollar. Cached input is part
/// of the input and paid at its own price instead.
std::int64_t cost_nanousd(const prices& of, const remote::TokenUsage& usage);

} // namespace shannon::llm
