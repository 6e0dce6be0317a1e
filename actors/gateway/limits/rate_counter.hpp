#pragma once

#include "actors/gateway/limits/buckets.hpp"
#include "actors/gateway/limits/redis_buckets.hpp"
#include "metrics/gateway_metrics.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace shannon::gateway {

/// Counts requests where that can be done: in Redis, so that all nodes know of
/// each other, or in this node while there is none. What a node counts then
/// begins with full buckets: Redis may only make limits stricter.
class rate_counter {
public:
  /// Runs what it is given on the actor that counts.
  using poster = std::function<void(std::function<void()>)>;
  using clock = std::function<std::chrono::steady_clock::time_point()>;

  /// Without a URL, or with one that is none, this node counts alone.
  rate_counter(const std::string& redis_url, std::chrono::milliseconds timeout,
               poster post, clock now, metrics::gateway_metrics& metrics);

  /// `then` runs on the actor: at once if this node counts.
  void take(std::vector<bucket> all,
            std::function<void(const bucket_verdict&)> then);

private:
  bucket_verdict take_here(const std::vector<bucket>& all);

  poster post_;
  clock now_;
  metrics::gateway_metrics& metrics_;
  node_buckets here_;
  std::unique_ptr<redis_buckets> redis_;
};

} // namespace shannon::gateway
