#include "metrics/series.hpp"

namespace shannon::metrics {

prometheus::Family<prometheus::Counter>&
counters(registry& where, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(
      where.families());
}

prometheus::Counter& counter(registry& where, const char* name,
                             const char* help) {
  return counters(where, name, help).Add({});
}

prometheus::Family<prometheus::Gauge>& gauges(registry& where, const char* name,
                                              const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(
      where.families());
}

prometheus::Gauge& gauge(registry& where, const char* name, const char* help) {
  return gauges(where, name, help).Add({});
}

prometheus::Family<prometheus::Histogram>&
histograms(registry& where, const char* name, const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(
      where.families());
}

prometheus::Histogram&
histogram(registry& where, const char* name, const char* help,
          const prometheus::Histogram::BucketBoundaries& bounds) {
  return histograms(where, name, help).Add({}, bounds);
}

} // namespace shannon::metrics
