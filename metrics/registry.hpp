#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace shannon::metrics {

/// All metrics of a node. Declared before the actor system: what an actor
/// counts with outlives it.
class registry {
public:
  registry();

  prometheus::Registry& families() noexcept {
    return *registry_;
  }

  /// `refresh` runs at the start of each `render`: for numbers that are read,
  /// not counted. It must stay callable as long as anybody renders.
  void before_render(std::function<void()> refresh);

  /// Prometheus text exposition, version 0.0.4. Thread-safe.
  std::string render() const;

private:
  std::shared_ptr<prometheus::Registry> registry_;
  mutable std::mutex mutex_;
  std::vector<std::function<void()>> refresh_;
};

/// Seconds from 0.5 ms to 60 s: calls to disks, models and tools.
const prometheus::Histogram::BucketBoundaries& latency_buckets();

} // namespace shannon::metrics
