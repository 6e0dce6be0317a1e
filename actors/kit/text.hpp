#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace shannon::kit {

/// The text with each byte that is no valid UTF-8 replaced by U+FFFD, and
/// without NUL: what may stand in a Protobuf string and in Postgres.
std::string valid_utf8(std::string_view bytes);

bool is_valid_utf8(std::string_view bytes) noexcept;

/// The longest prefix of at most `bytes_max` bytes that cuts no character of
/// valid UTF-8 in two.
std::string_view utf8_prefix(std::string_view text, std::size_t bytes_max);

} // namespace shannon::kit
