#include "metrics/dispatch_metrics.hpp"

#include "metrics/series.hpp"

namespace shannon::metrics {

dispatch_metrics::dispatch_metrics(registry& where)
    : placed_(counters(where, "shannon_dispatch_effects_total",
                       "Effects sent to a worker, by role and place.")),
      refused_(counters(where, "shannon_dispatch_refused_total",
                        "Effects that no worker could take.")),
      lost_(counters(where, "shannon_dispatch_lost_total",
                     "Effects whose worker went away.")),
      seconds_(histograms(where, "shannon_dispatch_wait_seconds",
                          "How long an effect waited for a worker.")),
      effects_(gauges(where, "shannon_dispatch_effects",
                      "Effects that wait, and that are under way.")) {}

void dispatch_metrics::placed(const std::string& role, bool here,
                              std::chrono::steady_clock::duration waited) {
  auto& series = known_.at(role, [&] {
    auto counter = [&](const char* place) {
      return &placed_.Add({{"role", role}, {"place", place}});
    };
    return role_series{
        counter("here"), counter("elsewhere"),
        &seconds_.Add({{"role", role}}, prometheus::Histogram::BucketBoundaries{
                                            0.001, 0.01, 0.1, 1, 10, 60})};
  });
  (here ? series.here : series.elsewhere)->Increment();
  series.seconds->Observe(std::chrono::duration<double>(waited).count());
}

void dispatch_metrics::refused(const std::string& role,
                               const std::string& why) {
  refused_.Add({{"role", role}, {"reason", why}}).Increment();
}

void dispatch_metrics::lost(const std::string& role) {
  lost_.Add({{"role", role}}).Increment();
}

void dispatch_metrics::now(const std::string& role, std::size_t waiting,
                           std::size_t under_way) {
  effects_.Add({{"role", role}, {"state", "waiting"}})
      .Set(static_cast<double>(waiting));
  effects_.Add({{"role", role}, {"state", "under_way"}})
      .Set(static_cast<double>(under_way));
}

} // namespace shannon::metrics
