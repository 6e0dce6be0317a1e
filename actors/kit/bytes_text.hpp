#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Bytes as text, and back.
namespace shannon::kit {

/// 0 to 15, of either case; -1 if it is no hex digit.
int hex_digit(char c) noexcept;

/// Two lower-case digits a byte.
std::string to_hex(std::string_view bytes);

/// Lower and upper case. Nothing if `text` is no hex.
std::optional<std::string> from_hex(std::string_view text);

/// Base64 with padding, in one line (RFC 4648, section 4).
std::string to_base64(std::string_view bytes);

/// Nothing if `text` is not what `to_base64` gives for some bytes.
std::optional<std::string> from_base64(std::string_view text);

} // namespace shannon::kit
