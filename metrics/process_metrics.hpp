#pragma once

#include "metrics/registry.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>

#include <string>

namespace shannon::metrics {

/// What the kernel knows about this process, read anew at each scrape. The
/// names are the ones every Prometheus client uses, so that common dashboards
/// work.
class process_metrics {
public:
  /// `version` stands in `shannon_build_info`. Lives as long as `all` renders.
  process_metrics(registry& all, const std::string& version);

private:
  void refresh();

  prometheus::Gauge& resident_;
  prometheus::Gauge& virtual_;
  prometheus::Gauge& fds_;
  prometheus::Gauge& fds_max_;
  prometheus::Gauge& threads_;
  prometheus::Gauge& started_;
  prometheus::Counter& cpu_;
};

} // namespace shannon::metrics
