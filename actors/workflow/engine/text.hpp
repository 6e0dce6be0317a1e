#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace shannon::workflow {

/// The longest beginning of at most `bytes_max` bytes that ends between two
/// characters of UTF-8.
inline std::string cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max)
    return std::string{text};
  while (bytes_max > 0
         && (static_cast<unsigned char>(text[bytes_max]) & 0xC0) == 0x80)
    --bytes_max;
  return std::string{text.substr(0, bytes_max)};
}

/// The longest beginning of at most `most` characters of UTF-8.
inline std::string cut_characters(std::string_view text, std::size_t most) {
  if (text.size() <= most)
    return std::string{text};
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80 && ++seen > most)
      return std::string{text.substr(0, i)};
  return std::string{text};
}

/// Caps of the public contract, characters of an event's message.
inline constexpr std::size_t event_output_max = 10'000;
inline constexpr std::size_t event_observation_max = 2'000;
inline constexpr std::size_t event_thinking_max = 200;

} // namespace shannon::workflow
