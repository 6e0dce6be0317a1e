#pragma once

#include "protocols/errc.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace shannon::llm {

/// Longest piece of an upstream's own words that we repeat, in bytes.
inline constexpr std::size_t upstream_message_max = 300;

/// Longest wait an upstream may ask for.
inline constexpr std::chrono::milliseconds retry_after_max{60'000};

/// What `Retry-After` (RFC 9110, 10.2.3) asks for: seconds or a date, bounded
/// by `retry_after_max`. None if it is neither.
std::optional<std::chrono::milliseconds>
parse_retry_after(std::string_view value,
                  std::chrono::system_clock::time_point now);

/// The upstream's own message in an error body, in one bounded line.
std::string upstream_message(const nlohmann::json& object);
std::string upstream_message(std::string_view body);

/// What an answer with an error status means to the asker.
struct refused_answer {
  std::string_view provider;
  int status = 0;
  std::string_view body;
  std::string_view retry_after; ///< The header's value; empty if absent.
  /// Taken out of the text, should the upstream repeat it.
  std::string_view api_key;
};

/// 429 and 529 are `overloaded`, 408, 409 and 5xx `unavailable`: all of them
/// retryable. 401 and 403 are `denied`, 404 is `not_found`, below
/// 400 `failed`, any other `invalid_argument`: the same request would fail
/// again.
error to_error(const refused_answer& what,
               std::chrono::system_clock::time_point now);

/// `text` with `key`, and whatever looks like an API key, blotted out.
std::string without_keys(std::string text, std::string_view key);

} // namespace shannon::llm
