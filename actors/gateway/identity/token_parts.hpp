#pragma once

#include "protocols/errc.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

/// What all JSON Web Tokens are made of, whoever signs them: pure.
namespace shannon::gateway {

/// Longer tokens are refused unread.
inline constexpr std::size_t token_bytes_max = 8 * 1024;

/// A token in its compact form, taken apart, and nothing of it believed.
struct token_parts {
  /// Null if they are no object that says everything once (strict_json.hpp).
  nlohmann::json header;
  nlohmann::json body;
  std::string signature;    ///< Raw.
  std::string_view signed_; ///< The part of the text that is signed.
};

/// `text` must outlive the answer.
result<token_parts> split_token(std::string_view text);

/// The text of this name; false if it is not there, empty, or longer than
/// `bytes_max`.
bool read_claim(const nlohmann::json& from, const char* name, std::string& out,
                std::size_t bytes_max = 512);

/// A whole number of this name that is there, written as one, and not below 0.
bool read_claim(const nlohmann::json& from, const char* name,
                std::int64_t& out);

inline std::chrono::sys_seconds moment_of(std::int64_t seconds) {
  return std::chrono::sys_seconds{std::chrono::seconds{seconds}};
}

} // namespace shannon::gateway
