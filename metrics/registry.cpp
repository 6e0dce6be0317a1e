#include "metrics/registry.hpp"

#include <prometheus/text_serializer.h>

namespace shannon::metrics {

registry::registry() : registry_(std::make_shared<prometheus::Registry>()) {
}

std::string registry::render() const {
  return prometheus::TextSerializer{}.Serialize(registry_->Collect());
}

const prometheus::Histogram::BucketBoundaries& latency_buckets() {
  static const prometheus::Histogram::BucketBoundaries bounds{
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10, 60};
  return bounds;
}

} // namespace shannon::metrics
