#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/gateway/identity/tiers.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

/// How many requests a caller may make. Pure: time is told.
namespace shannon::gateway {

/// What comes of one request.
struct rate_verdict {
  bool allowed = true;
  /// Of the window that is used up first: `minute`, `hour` or `day`.
  std::string_view window = "minute";
  std::array<std::uint32_t, 3> most{};
  std::array<std::uint32_t, 3> left{};
  /// Until a request is allowed again, or until the minute's are all there.
  std::chrono::seconds wait{0};
};

/// Token buckets, three for each key: full at first, filled evenly, emptied one
/// by one. So nobody gets twice the rate by waiting for the turn of a minute.
///
/// Holds at most `keys_max` keys; the one unused for longest goes first, and
/// would be as full as new by then unless an attacker has that many.
class rate_limits {
public:
  explicit rate_limits(std::size_t keys_max = 100'000) : keys_max_(keys_max) {}

  rate_verdict take(const std::string& key, const tier_limits& tier,
                    std::chrono::steady_clock::time_point now);

  std::size_t size() const noexcept {
    return keys_.size();
  }

private:
  struct entry {
    std::array<double, 3> tokens{};
    std::chrono::steady_clock::time_point at;
    std::list<std::string>::iterator used;
  };

  std::size_t keys_max_;
  std::unordered_map<std::string, entry> keys_;
  std::list<std::string> by_use_; ///< The latest first.
};

/// The headers that every counted answer carries.
http_fields rate_fields(const rate_verdict& verdict, std::int64_t unix_now);

/// 429 in the contract's words, with Retry-After.
http_response too_many_answer(const rate_verdict& verdict,
                              std::int64_t unix_now);

} // namespace shannon::gateway
