#include "config/units.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <utility>

namespace shannon::config {

namespace {

struct unit {
  std::string_view name;
  std::uint64_t factor;
};

// The largest first, as they are tried when a value is written out.
constexpr std::array<unit, 3> sizes{
    {{"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}}};
constexpr std::array<unit, 4> spans{
    {{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

/// Splits `30s` into 30 and `s`.
result<std::pair<std::uint64_t, std::string_view>>
split(std::string_view text) {
  std::uint64_t value = 0;
  auto* end = text.data() + text.size();
  auto [at, failed] = std::from_chars(text.data(), end, value);
  if (failed != std::errc{})
    return fail(errc::invalid_argument, "no number");
  return std::pair{value,
                   text.substr(static_cast<std::size_t>(at - text.data()))};
}

result<std::uint64_t> scaled(std::uint64_t value, std::uint64_t factor) {
  // Settings end up in signed milliseconds.
  constexpr std::uint64_t top = std::numeric_limits<std::int64_t>::max();
  if (value > top / factor)
    return fail(errc::invalid_argument, "too large");
  return value * factor;
}

result<std::uint64_t> parse_scaled(std::string_view text,
                                   std::span<const unit> units,
                                   bool bare_allowed) {
  auto parts = split(text);
  if (!parts)
    return tl::unexpected(parts.error());
  auto [value, suffix] = *parts;
  if (suffix.empty() && (bare_allowed || value == 0))
    return scaled(value, 1);
  for (const auto& [name, factor] : units)
    if (suffix == name)
      return scaled(value, factor);
  return fail(errc::invalid_argument, "no unit");
}

std::string format_scaled(std::uint64_t value, std::span<const unit> units) {
  if (value != 0)
    for (const auto& [name, factor] : units)
      if (value % factor == 0)
        return std::to_string(value / factor).append(name);
  return std::to_string(value);
}

/// Letters to change, add, drop or swap with a neighbour.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(
      a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i)
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      auto same = a[i - 1] == b[j - 1];
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1,
                             cost[i - 1][j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  return cost.back().back();
}

} // namespace

result<std::uint64_t> parse_number(std::string_view text) {
  return parse_scaled(text, {}, true);
}

result<std::uint64_t> parse_bytes(std::string_view text) {
  return parse_scaled(text, sizes, true);
}

result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  auto ms = parse_scaled(text, spans, false);
  if (!ms)
    return tl::unexpected(ms.error());
  return std::chrono::milliseconds{static_cast<std::int64_t>(*ms)};
}

std::string format_bytes(std::uint64_t bytes) {
  return format_scaled(bytes, sizes);
}

std::string format_duration(std::chrono::milliseconds span) {
  return format_scaled(static_cast<std::uint64_t>(span.count()), spans);
}

std::string_view nearest(std::string_view word,
                         const std::vector<std::string_view>& candidates) {
  constexpr std::size_t word_max = 64; // Longer words are no typing errors.
  if (word.size() > word_max)
    return {};
  std::string_view best;
  auto least = std::max<std::size_t>(word.size() / 3, 1) + 1;
  for (auto candidate : candidates)
    if (auto d = distance(word, candidate); d < least) {
      least = d;
      best = candidate;
    }
  return best;
}

} // namespace shannon::config
