#pragma once

#include "protocols/errc.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// How values are written in a manifest and in the environment.
namespace shannon::config {

/// `42`. No sign, no spaces, no fraction.
result<std::uint64_t> parse_number(std::string_view text);

/// `65536`, `64KiB`, `1MiB`, `2GiB`.
result<std::uint64_t> parse_bytes(std::string_view text);

/// `500ms`, `30s`, `5m`, `1h`. A bare number is refused: nobody can tell
/// seconds from milliseconds.
result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// The shortest text that parses to the same value.
std::string format_bytes(std::uint64_t bytes);
std::string format_duration(std::chrono::milliseconds span);

/// The candidate most like `word`, or empty if none is near: at most a third
/// of its letters differ.
std::string_view nearest(std::string_view word,
                         const std::vector<std::string_view>& candidates);

} // namespace shannon::config
