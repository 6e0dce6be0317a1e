#pragma once

#include "metrics/registry.hpp"

/// How a node's metrics are made. A family is told apart by labels; the
/// singular makes the one series without any.
namespace shannon::metrics {

prometheus::Family<prometheus::Counter>&
counters(registry& where, const char* name, const char* help);
prometheus::Counter& counter(registry& where, const char* name,
                             const char* help);

prometheus::Family<prometheus::Gauge>& gauges(registry& where, const char* name,
                                              const char* help);
prometheus::Gauge& gauge(registry& where, const char* name, const char* help);

prometheus::Family<prometheus::Histogram>&
histograms(registry& where, const char* name, const char* help);
prometheus::Histogram&
histogram(registry& where, const char* name, const char* help,
          const prometheus::Histogram::BucketBoundaries& bounds
          = latency_buckets());

} // namespace shannon::metrics
