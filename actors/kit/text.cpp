#include "actors/kit/text.hpp"

#include <cstdint>

namespace shannon::kit {

namespace {

/// Length of the well-formed sequence that starts here (Unicode 15, table
/// 3-7), or 0.
std::size_t sequence_length(std::string_view s) {
  auto at = [&](std::size_t i) {
    return i < s.size() ? static_cast<std::uint8_t>(s[i]) : std::uint8_t{0};
  };
  auto tail = [&](std::size_t i) { return (at(i) & 0xc0) == 0x80; };
  auto in = [&](std::size_t i, int low, int high) {
    return at(i) >= low && at(i) <= high;
  };
  auto first = at(0);
  if (first < 0x80)
    return 1;
  if (first >= 0xc2 && first <= 0xdf)
    return tail(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    auto low = first == 0xe0 ? 0xa0 : 0x80;
    auto high = first == 0xed ? 0x9f : 0xbf; // No surrogates.
    return in(1, low, high) && tail(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    auto low = first == 0xf0 ? 0x90 : 0x80;
    auto high = first == 0xf4 ? 0x8f : 0xbf;
    return in(1, low, high) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

} // namespace

std::string valid_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size();) {
    auto length = sequence_length(bytes.substr(i, 4));
    if (length == 0 || bytes[i] == '\0') {
      out += "\xef\xbf\xbd";
      ++i;
    } else {
      out.append(bytes, i, length);
      i += length;
    }
  }
  return out;
}

bool is_valid_utf8(std::string_view bytes) noexcept {
  for (std::size_t i = 0; i < bytes.size();) {
    auto length = sequence_length(bytes.substr(i, 4));
    if (length == 0)
      return false;
    i += length;
  }
  return true;
}

std::string_view utf8_prefix(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max)
    return text;
  auto end = bytes_max;
  while (end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xc0) == 0x80)
    --end;
  return text.substr(0, end);
}

} // namespace shannon::kit
