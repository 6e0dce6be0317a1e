#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace shannon::gateway {

/// Raw bytes of a digest.
inline constexpr std::size_t digest_bytes = 32;

std::string sha256(std::string_view text);
std::string hmac_sha256(std::string_view key, std::string_view text);

/// In a time that tells nothing about where they differ. False if one is no
/// digest.
bool same_digest(std::string_view a, std::string_view b) noexcept;

/// From the system's source. Ends the process if it gives none: whatever is
/// made without it could be guessed.
std::string random_bytes(std::size_t count);

/// Base64 for URLs, without padding.
std::string to_base64url(std::string_view bytes);
/// False for padding, other alphabets, and spare bits that are not zero: there
/// is one text for each sequence of bytes.
bool from_base64url(std::string_view text, std::string& out);

/// Overwrites what should not stay in memory.
void wipe(std::string& secret) noexcept;

} // namespace shannon::gateway
