#include "metrics/retention_metrics.hpp"

#include <string>

namespace shannon::metrics {

retention_metrics::retention_metrics(registry& all)
    : removed_(prometheus::BuildCounter()
                   .Name("shannon_retention_removed_total")
                   .Help("What was deleted, by kind: logs, logs trimmed, "
                         "appends, bodies, sessions, parts of the table.")
                   .Register(all.families())),
      bytes_(prometheus::BuildCounter()
                 .Name("shannon_retention_bytes_total")
                 .Help("Bytes of facts and bodies deleted, as stored.")
                 .Register(all.families())
                 .Add({})),
      sweeps_(prometheus::BuildCounter()
                  .Name("shannon_retention_sweeps_total")
                  .Help("Sweeps ended, by outcome; conflict: another node's "
                        "turn.")
                  .Register(all.families())),
      last_(prometheus::BuildGauge()
                .Name("shannon_retention_last_sweep_timestamp_seconds")
                .Help("When this node's last whole sweep ended; 0: none yet.")
                .Register(all.families())
                .Add({})),
      seconds_(prometheus::BuildHistogram()
                   .Name("shannon_retention_sweep_seconds")
                   .Help("How long a sweep took, its pauses included.")
                   .Register(all.families())
                   .Add({}, prometheus::Histogram::BucketBoundaries{
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
