#pragma once

#include "actors/gateway/limits/buckets.hpp"
#include "config/redis_address.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace shannon::gateway {

/// Token buckets that all nodes share, in Redis: one script, one round trip for
/// all buckets of a request. A thread of its own talks to Redis; who asks never
/// waits. While Redis is away it is dialled once a second.
///
/// Each bucket is a hash `shannon:rate:KEY` of its tokens and when they were
/// counted, by the clock of Redis, and goes when it would be full again.
class redis_buckets {
public:
  /// `changed` hears, on the thread of Redis, that it is there or why it is
  /// not.
  redis_buckets(
      const config::redis_address& where, std::chrono::milliseconds timeout,
      std::function<void(bool is_up, const std::string& why)> changed);
  ~redis_buckets();
  redis_buckets(const redis_buckets&) = delete;
  redis_buckets& operator=(const redis_buckets&) = delete;

  /// Any thread.
  bool is_up() const noexcept;

  /// Nothing: Redis went away or did not answer in time; the tokens may be
  /// taken or not. Called on the thread of Redis.
  using answer = std::function<void(std::optional<bucket_verdict>)>;
  void take(std::vector<bucket> all, answer then);

private:
  class link;
  std::unique_ptr<link> link_;
};

} // namespace shannon::gateway
