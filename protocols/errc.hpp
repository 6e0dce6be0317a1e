#pragma once

#include <tl/expected.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shannon {

/// Why something was not done. A code exists only where a caller reacts to it
/// differently from all others; everything else is text.
enum class errc : std::uint8_t {
  ok,
  /// The request can never succeed as it is. HTTP 400.
  invalid_argument,
  /// No such task, session, tool or model. HTTP 404.
  not_found,
  /// The log moved on: somebody else appended. Reload and decide again.
  conflict,
  /// A newer owner holds the shard. Stop; never retry from here.
  fenced,
  /// A limit at the door: try later. HTTP 429 or 503 with Retry-After.
  overloaded,
  /// A part that is needed does not answer. HTTP 503.
  unavailable,
  /// No answer within the deadline; the effect may have happened.
  timeout,
  /// Somebody asked for the end.
  cancelled,
  /// Policy says no. HTTP 403.
  denied,
  /// The far side or a tool failed; the text says how.
  failed,
  /// The code asks for something else than the log has recorded.
  mismatch,
};

/// Stable name, for logs, metrics and facts.
std::string_view to_string(errc code) noexcept;

/// The code of a stable name; `failed` for a name this build does not know.
errc errc_from_string(std::string_view name) noexcept;

/// A code and a sentence: what was expected, what was found, where.
struct error {
  errc code = errc::failed;
  std::string text;
  /// May the same request succeed later? What an effect's retry policy asks.
  bool retryable = false;
  /// How long the far side asked us to wait (`Retry-After`), if it did.
  std::optional<std::chrono::milliseconds> retry_after;
};

template <class T>
using result = tl::expected<T, error>;

/// `return fail(errc::not_found, "task x: no such log");`
inline tl::unexpected<error> fail(errc code, std::string text,
                                  bool retryable = false) {
  return tl::unexpected<error>(
      error{code, std::move(text), retryable, std::nullopt});
}

} // namespace shannon
