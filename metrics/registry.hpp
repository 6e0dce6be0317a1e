#pragma once

#include <memory>
#include <string>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace shannon::metrics {

/// All metrics of a node. Declared before the actor system: what an actor
/// counts with outlives it.
class registry {
public:
  registry();

  prometheus::Registry& families() noexcept {
    return *registry_;
  }

  /// Prometheus text exposition, version 0.0.4.
  std::string render() const;

private:
  std::shared_ptr<prometheus::Registry> registry_;
};

/// Seconds from 0.5 ms to 60 s: calls to disks, models and tools.
const prometheus::Histogram::BucketBoundaries& latency_buckets();

} // namespace shannon::metrics
