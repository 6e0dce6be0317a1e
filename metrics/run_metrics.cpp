#include "metrics/run_metrics.hpp"

#include "metrics/series.hpp"

#include <mutex>

namespace shannon::metrics {

namespace {

prometheus::Counter& counter(registry& where, const char* name,
                             const char* help, const std::string& kind) {
  return counters(where, name, help).Add({{"kind", kind}});
}

} // namespace

run_metrics::run_metrics(registry& where, const std::string& kind)
    : kind_(kind), ended_(counters(where, "shannon_run_ended_total",
                                   "Durable runs that ended, by how.")),
      steps_(counters(where, "shannon_run_step_attempts_total",
                      "Attempts of steps that ended, by effect and outcome.")),
      step_seconds_(histograms(where, "shannon_run_step_seconds",
                               "How long one attempt of a step took.")),
      intake_(gauges(where, "shannon_run_intake",
                     "Runs at work, and the bound from which on new ones "
                     "are refused.")),
      accepted_(counter(where, "shannon_run_accepted_total",
                        "Durable runs whose first fact was stored.", kind)),
      active_(gauges(where, "shannon_run_active",
                     "Durable runs in this node's memory.")
                  .Add({{"kind", kind}})),
      replays_(counter(where, "shannon_run_replays_total",
                       "Logs replayed to bring a run back.", kind)),
      replayed_facts_(counter(where, "shannon_run_replayed_facts_total",
                              "Facts read for replays.", kind)),
      reactivations_(counter(where, "shannon_run_reactivations_total",
                             "Runs started again after their actor failed.",
                             kind)) {}

void run_metrics::run_ended(const std::string& status) {
  {
    std::shared_lock guard{lines_mutex_};
    if (auto at = ends_.find(status); at != ends_.end())
      return at->second->Increment();
  }
  auto& line = ended_.Add({{"kind", kind_}, {"status", status}});
  line.Increment();
  std::unique_lock guard{lines_mutex_};
  ends_.emplace(status, &line);
}

void run_metrics::intake(std::uint32_t at_work, std::uint32_t bound) {
  if (!at_work_) {
    at_work_ = &intake_.Add({{"kind", kind_}, {"what", "at_work"}});
    bound_ = &intake_.Add({{"kind", kind_}, {"what", "bound"}});
  }
  at_work_->Set(at_work);
  bound_->Set(bound);
}

void run_metrics::step_ended(const std::string& effect,
                             const std::string& outcome,
                             std::chrono::microseconds took) {
  step_line line;
  {
    std::shared_lock guard{lines_mutex_};
    if (auto at = lines_.find({effect, outcome}); at != lines_.end())
      line = at->second;
  }
  if (!line.attempts) {
    line.attempts = &steps_.Add({{"effect", effect}, {"outcome", outcome}});
    line.seconds = &step_seconds_.Add({{"effect", effect}}, latency_buckets());
    std::unique_lock guard{lines_mutex_};
    lines_.emplace(std::pair{effect, outcome}, line);
  }
  line.attempts->Increment();
  line.seconds->Observe(std::chrono::duration<double>(took).count());
}

} // namespace shannon::metrics
