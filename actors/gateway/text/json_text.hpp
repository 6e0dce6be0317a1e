#pragma once

#include "protocols/errc.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace shannon::gateway {

/// What we write: keys in the order they are set.
using json_out = nlohmann::ordered_json;
/// What we read: sorted keys. An ordered object would search its keys one by
/// one, and a body of a million keys would keep a worker busy for hours.
using json_in = nlohmann::json;

/// Reads the first JSON value of `text`; what follows it is ignored, as Go's
/// decoder does. Repeated keys: the last wins. Refuses (invalid_argument) what
/// is not UTF-8, not JSON or nested deeper than `depth_max`, and says where.
result<json_in> parse_json(std::string_view text, std::uint32_t depth_max);

/// JSON as Go's encoder writes it: `<`, `>`, `&` and the two Unicode line
/// separators are escaped. No newline at the end.
std::string go_text(const json_out& value);
std::string go_text(const json_in& value);

/// A whole number is written without a fraction, as Go writes floats.
json_out go_number(double value);

/// A stored JSON object, or null if it is empty or unreadable.
json_out stored_json(const std::string& text);

/// RFC 3339 in UTC, as Go writes time.Time: fraction without zeros at its end.
std::string timestamp(std::chrono::system_clock::time_point at);

/// First byte that breaks UTF-8, or npos.
std::size_t find_invalid_utf8(std::string_view text) noexcept;

} // namespace shannon::gateway
