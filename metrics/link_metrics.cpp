#include "metrics/link_metrics.hpp"

#include "metrics/series.hpp"

namespace shannon::metrics {

link_metrics::link_metrics(registry& all)
    : mails_(counters(all, "shannon_link_mails_total",
                      "Envelopes over links, by direction.")),
      bytes_(counters(all, "shannon_link_bytes_total",
                      "Bytes of their frames, by direction.")),
      mails_sent_(mails_.Add({{"direction", "sent"}})),
      mails_received_(mails_.Add({{"direction", "received"}})),
      bytes_sent_(bytes_.Add({{"direction", "sent"}})),
      bytes_received_(bytes_.Add({{"direction", "received"}})),
      refused_(counters(all, "shannon_link_mails_refused_total",
                        "Asks and answers that could not cross, and whose "
                        "asker was told, by reason.")),
      dropped_(counters(all, "shannon_link_mails_dropped_total",
                        "Envelopes that could not cross, and nobody was told, "
                        "by reason.")),
      connections_refused_(counters(all,
                                    "shannon_link_connections_refused_total",
                                    "Connections that did not become a link, "
                                    "by reason.")),
      up_(gauge(all, "shannon_link_up", "Links that are up.")),
      downs_(counter(all, "shannon_link_downs_total", "Links that went down.")),
      asks_lost_(counter(all, "shannon_link_asks_lost_total",
                         "Asks refused because their link went down.")),
      round_trip_(histogram(all, "shannon_link_probe_seconds",
                            "From a probe to its answer.", latency_buckets())),
      certificate_ends_(gauges(all,
                               "shannon_link_certificate_end_timestamp_seconds",
                               "When this node's certificate ends.")) {}

void link_metrics::mail_sent(std::uint64_t bytes) {
  mails_sent_.Increment();
  bytes_sent_.Increment(static_cast<double>(bytes));
}

void link_metrics::mail_received(std::uint64_t bytes) {
  mails_received_.Increment();
  bytes_received_.Increment(static_cast<double>(bytes));
}

void link_metrics::mail_refused(const std::string& why) {
  refused_.Add({{"reason", why}}).Increment();
}

void link_metrics::mail_dropped(const std::string& why) {
  dropped_.Add({{"reason", why}}).Increment();
}

void link_metrics::link_up() {
  up_.Increment();
}

void link_metrics::link_down(std::uint64_t asks) {
  up_.Decrement();
  downs_.Increment();
  asks_lost_.Increment(static_cast<double>(asks));
}

void link_metrics::connection_refused(const std::string& why) {
  connections_refused_.Add({{"reason", why}}).Increment();
}

void link_metrics::certified_until(std::chrono::system_clock::time_point end) {
  certificate_ends_.Add({}).Set(
      static_cast<double>(std::chrono::system_clock::to_time_t(end)));
}

void link_metrics::probed(seconds round_trip) {
  round_trip_.Observe(round_trip.count());
}

} // namespace shannon::metrics
