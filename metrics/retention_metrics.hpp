#pragma once

#include "metrics/registry.hpp"
#include "protocols/errc.hpp"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <chrono>
#include <cstdint>

namespace shannon::metrics {

/// What is counted about the RETENTION SWEEPER of this node.
class retention_metrics {
public:
  using seconds = std::chrono::duration<double>;

  struct amounts {
    std::uint64_t logs = 0;
    std::uint64_t trimmed = 0;
    std::uint64_t appends = 0;
    std::uint64_t bodies = 0;
    std::uint64_t sessions = 0;
    std::uint64_t parts = 0;
    std::uint64_t bytes = 0;
  };

  explicit retention_metrics(registry& all);

  void removed(const amounts& what);

  /// `conflict`: it was another node's turn. Only `ok` moves the time of the
  /// last sweep.
  void sweep_ended(errc outcome, std::chrono::system_clock::time_point at,
                   seconds taken);

private:
  prometheus::Family<prometheus::Counter>& removed_;
  prometheus::Counter& bytes_;
  prometheus::Family<prometheus::Counter>& sweeps_;
  prometheus::Gauge& last_;
  prometheus::Histogram& seconds_;
};

} // namespace shannon::metrics
