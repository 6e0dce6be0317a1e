#include "metrics/tool_metrics.hpp"

#include "metrics/series.hpp"

namespace shannon::metrics {

tool_metrics::tool_metrics(registry& where)
    : runs_(counters(where, "shannon_tool_runs_total",
                     "Tool runs that ended, by tool and outcome.")),
      seconds_(histograms(where, "shannon_tool_run_seconds",
                          "How long one run of a tool took.")),
      rejected_(counter(where, "shannon_tool_calls_rejected_total",
                        "Calls whose tool or arguments do not fit.")),
      refused_(counter(where, "shannon_tool_calls_refused_total",
                       "Calls refused because too many wait.")),
      running_(gauge(where, "shannon_tool_running_runs",
                     "Tools that run on this node.")),
      waiting_(gauge(where, "shannon_tool_waiting_runs",
                     "Tool calls that wait for their turn.")) {}

void tool_metrics::run_ended(const std::string& tool,
                             const std::string& outcome,
                             std::chrono::microseconds took) {
  running_.Decrement();
  runs_.Add({{"tool", tool}, {"outcome", outcome}}).Increment();
  seconds_.Add({{"tool", tool}}, latency_buckets())
      .Observe(std::chrono::duration<double>(took).count());
}

} // namespace shannon::metrics
