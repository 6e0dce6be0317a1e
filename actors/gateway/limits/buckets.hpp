#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

/// Token buckets: full at first, filled evenly, emptied one by one. So nobody
/// gets twice the rate by waiting for the turn of a minute.
namespace shannon::gateway {

/// One that a request takes a token from.
struct bucket {
  std::string key;
  std::uint32_t most = 0;     ///< Tokens in it when it is full.
  std::uint32_t seconds = 60; ///< Until an empty one is full again.
};

/// What came of one request: from each bucket it takes one token, or from none.
struct bucket_verdict {
  bool allowed = true;
  /// Whole tokens left, of each bucket in its order.
  std::vector<std::uint32_t> left;
  /// If it was refused: which bucket keeps it waiting longest, and how long.
  std::size_t by = 0;
  std::chrono::milliseconds wait{0};
};

/// The buckets of one node. Pure: time is told.
///
/// Holds at most `keys_max` keys; the one unused for longest goes first, and
/// would be as full as new by then unless an attacker has that many.
class node_buckets {
public:
  explicit node_buckets(std::size_t keys_max = 300'000) : keys_max_(keys_max) {}

  bucket_verdict take(const std::vector<bucket>& all,
                      std::chrono::steady_clock::time_point now);

  std::size_t size() const noexcept {
    return keys_.size();
  }

private:
  struct entry {
    double tokens = 0;
    std::chrono::steady_clock::time_point at;
    std::list<std::string>::iterator used;
  };

  entry& find(const bucket& what, std::chrono::steady_clock::time_point now);

  std::size_t keys_max_;
  std::unordered_map<std::string, entry> keys_;
  std::list<std::string> by_use_; ///< The latest first.
};

} // namespace shannon::gateway
