#include "metrics/registry.hpp"

#include <prometheus/text_serializer.h>

#include <utility>

namespace shannon::metrics {

registry::registry() : registry_(std::make_shared<prometheus::Registry>()) {}

void registry::before_render(std::function<void()> refresh) {
  std::unique_lock guard{mutex_};
  refresh_.push_back(std::move(refresh));
}

std::string registry::render() const {
  {
    std::unique_lock guard{mutex_};
    for (const auto& refresh : refresh_)
      refresh();
  }
  return prometheus::TextSerializer{}.Serialize(registry_->Collect());
}

const prometheus::Histogram::BucketBoundaries& latency_buckets() {
  static const prometheus::Histogram::BucketBoundaries bounds{
      0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10, 60};
  return bounds;
}

} // namespace shannon::metrics
