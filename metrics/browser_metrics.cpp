#include "metrics/browser_metrics.hpp"

#include "metrics/series.hpp"

namespace shannon::metrics {

browser_metrics::browser_metrics(registry& where)
    : opened_(counters(where, "shannon_browser_sessions_opened_total",
                       "Browser sessions asked for, by outcome.")),
      open_seconds_(histogram(where, "shannon_browser_session_open_seconds",
                              "How long the opening of a session took.")),
      ended_(counters(where, "shannon_browser_sessions_ended_total",
                      "Browser sessions that ended, by reason.")),
      refused_(counter(where, "shannon_browser_sessions_refused_total",
                       "Browser sessions refused by a limit.")),
      open_(gauge(where, "shannon_browser_sessions",
                  "Browser sessions of this node.")),
      actions_(counters(where, "shannon_browser_actions_total",
                        "Actions in browser sessions, by action and outcome.")),
      action_seconds_(histogram(where, "shannon_browser_action_seconds",
                                "How long one action took.")),
      processes_(gauge(where, "shannon_browser_processes",
                       "Chromium processes that run.")),
      started_(gauge(where, "shannon_browser_processes_started",
                     "Chromium processes started since the node began.")),
      crashed_(gauge(where, "shannon_browser_processes_crashed",
                     "Chromium processes that ended unasked.")) {}

void browser_metrics::session_opened(bool good, std::chrono::nanoseconds took) {
  opened_.Add({{"outcome", good ? "ok" : "failed"}}).Increment();
  if (good)
    open_seconds_.Observe(std::chrono::duration<double>(took).count());
}

void browser_metrics::session_ended(const std::string& reason) {
  auto word = reason == "closed"            ? "closed"
              : reason.starts_with("idle")  ? "idle"
              : reason.starts_with("older") ? "old"
                                            : "lost";
  ended_.Add({{"reason", word}}).Increment();
}

void browser_metrics::action_ended(const std::string& action,
                                   const std::string& outcome,
                                   std::chrono::nanoseconds took) {
  actions_.Add({{"action", action}, {"outcome", outcome}}).Increment();
  action_seconds_.Observe(std::chrono::duration<double>(took).count());
}

void browser_metrics::processes_are(std::uint64_t running,
                                    std::uint64_t started,
                                    std::uint64_t crashed) {
  processes_.Set(static_cast<double>(running));
  started_.Set(static_cast<double>(started));
  crashed_.Set(static_cast<double>(crashed));
}

} // namespace shannon::metrics
