#include "metrics/retention_metrics.hpp"

#include "metrics/series.hpp"

#include <string>

namespace shannon::metrics {

retention_metrics::retention_metrics(registry& all)
    : removed_(counters(all, "shannon_retention_removed_total",
                        "What was deleted, by kind: logs, logs trimmed, "
                        "appends, bodies, sessions, parts of the table.")),
      bytes_(counter(all, "shannon_retention_bytes_total",
                     "Bytes of facts and bodies deleted, as stored.")),
      sweeps_(counters(all, "shannon_retention_sweeps_total",
                       "Sweeps ended, by outcome; conflict: another node's "
                       "turn.")),
      last_(gauge(all, "shannon_retention_last_sweep_timestamp_seconds",
                  "When this node's last whole sweep ended; 0: none yet.")),
      seconds_(histogram(all, "shannon_retention_sweep_seconds",
                         "How long a sweep took, its pauses included.",
                         prometheus::Histogram::BucketBoundaries{
                             0.01, 0.1, 1, 10, 60, 600, 3'600})) {
  removed({});
}

void retention_metrics::removed(const amounts& what) {
  auto add = [&](const char* kind, std::uint64_t count) {
    removed_.Add({{"kind", kind}}).Increment(static_cast<double>(count));
  };
  add("logs", what.logs);
  add("trimmed", what.trimmed);
  add("appends", what.appends);
  add("bodies", what.bodies);
  add("sessions", what.sessions);
  add("parts", what.parts);
  bytes_.Increment(static_cast<double>(what.bytes));
}

void retention_metrics::sweep_ended(errc outcome,
                                    std::chrono::system_clock::time_point at,
                                    seconds taken) {
  sweeps_.Add({{"outcome", std::string{to_string(outcome)}}}).Increment();
  if (outcome != errc::ok)
    return;
  last_.Set(std::chrono::duration<double>(at.time_since_epoch()).count());
  seconds_.Observe(taken.count());
}

} // namespace shannon::metrics
