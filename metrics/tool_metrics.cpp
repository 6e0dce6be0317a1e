#include "metrics/tool_metrics.hpp"

namespace shannon::metrics {

namespace {

prometheus::Counter& counter(registry& where, const char* name,
                             const char* help) {
  return prometheus::BuildCounter()
      .Name(name)
      .Help(help)
      .Register(where.families())
      .Add({});
}

prometheus::Gauge& gauge(registry& where, const char* name, const char* help) {
  return prometheus::BuildGauge()
      .Name(name)
      .Help(help)
      .Register(where.families())
      .Add({});
}

} // namespace

tool_metrics::tool_metrics(registry& where)
    : runs_(prometheus::BuildCounter()
                .Name("shannon_tool_runs_total")
                .Help("Tool runs that ended, by tool and outcome.")
                .Register(where.families())),
      seconds_(prometheus::BuildHistogram()
                   .Name("shannon_tool_run_seconds")
                   .Help("How long one run of a tool took.")
                   .Register(where.families())),
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
