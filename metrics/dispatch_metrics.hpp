#pragma once

#include "metrics/known_series.hpp"
#include "metrics/registry.hpp"

#include <chrono>
#include <cstddef>
#include <string>

namespace shannon::metrics {

/// What DISPATCHERs count, by role.
class dispatch_metrics {
public:
  explicit dispatch_metrics(registry& where);

  /// An effect goes to a worker, here or on another node, after this wait.
  void placed(const std::string& role, bool here,
              std::chrono::steady_clock::duration waited);
  /// `why` is full, late or no_worker.
  void refused(const std::string& role, const std::string& why);
  /// A worker went away with it.
  void lost(const std::string& role);
  void now(const std::string& role, std::size_t waiting, std::size_t under_way);

private:
  /// Of one role: what each of its effects counts.
  struct role_series {
    prometheus::Counter* here;
    prometheus::Counter* elsewhere;
    prometheus::Histogram* seconds;
  };

  prometheus::Family<prometheus::Counter>& placed_;
  prometheus::Family<prometheus::Counter>& refused_;
  prometheus::Family<prometheus::Counter>& lost_;
  prometheus::Family<prometheus::Histogram>& seconds_;
  prometheus::Family<prometheus::Gauge>& effects_;
  known_series<role_series> known_;
};

} // namespace shannon::metrics
