#include "metrics/actor_metrics.hpp"

namespace shannon::metrics {

actor_metrics::actor_metrics(registry& all)
    : restarts_(prometheus::BuildCounter()
                    .Name("shannon_supervisor_restarts_total")
                    .Help("Children started again after they ended.")
                    .Register(all.families())),
      rejected_(prometheus::BuildCounter()
                    .Name("shannon_mailbox_rejected_total")
                    .Help("Messages refused because a mailbox was full.")
                    .Register(all.families())) {}

void actor_metrics::child_restarted(const std::string& child) {
  restarts_.Add({{"child", child}}).Increment();
}

void actor_metrics::mailbox_rejected(const std::string& kind) {
  rejected_.Add({{"kind", kind}}).Increment();
}

} // namespace shannon::metrics
