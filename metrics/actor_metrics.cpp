#include "metrics/actor_metrics.hpp"

#include "metrics/series.hpp"

namespace shannon::metrics {

actor_metrics::actor_metrics(registry& all)
    : restarts_(counters(all, "shannon_supervisor_restarts_total",
                         "Children started again after they ended.")),
      rejected_(counters(all, "shannon_mailbox_rejected_total",
                         "Messages refused because a mailbox was full.")) {}

void actor_metrics::child_restarted(const std::string& child) {
  restarts_.Add({{"child", child}}).Increment();
}

void actor_metrics::mailbox_rejected(const std::string& kind) {
  rejected_.Add({{"kind", kind}}).Increment();
}

} // namespace shannon::metrics
