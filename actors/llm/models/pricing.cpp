#include "actors/llm/models/pricing.hpp"

#include <algorithm>

namespace shannon::llm {

std::optional<std::int64_t> parse_price(std::string_view dollars) {
  constexpr int decimals = 6;
  std::int64_t value = 0;
  int after_point = -1;
  bool any = false;
  for (char c : dollars) {
    if (c == '.' && after_point < 0) {
      after_point = 0;
      continue;
    }
    if (c < '0' || c > '9' || after_point == decimals)
      return std::nullopt;
    any = true;
    after_point += after_point >= 0;
    value = value * 10 + (c - '0');
    if (value > price_max)
      return std::nullopt;
  }
  if (!any)
    return std::nullopt;
  for (int i = std::max(after_point, 0); i < decimals; ++i)
    value *= 10;
  if (value > price_max)
    return std::nullopt;
  return value;
}

std::int64_t cost_nanousd(const prices& of, const remote::TokenUsage& usage) {
  // Bounded so that the products below cannot overflow: 4 * 1e9 * 1e9.
  auto tokens = [](std::int64_t n) {
    return std::clamp<std::int64_t>(n, 0, 1'000'000'000);
  };
  auto read = tokens(usage.cache_read_tokens());
  auto written = tokens(usage.cache_write_tokens());
  auto fresh = tokens(usage.input_tokens() - read - written);
  auto thousandfold = fresh * of.input + read * of.cache_read
                      + written * of.cache_write
                      + tokens(usage.output_tokens()) * of.output;
  return (thousandfold + 999) / 1000;
}

} // namespace shannon::llm
