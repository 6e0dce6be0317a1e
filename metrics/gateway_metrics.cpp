#include "metrics/gateway_metrics.hpp"

#include "metrics/series.hpp"

namespace shannon::metrics {

gateway_metrics::gateway_metrics(registry& where)
    : connections_(gauge(where, "shannon_gateway_connections",
                         "Client connections that are open.")),
      connections_refused_(
          counters(where, "shannon_gateway_connections_refused_total",
                   "Connections closed at a limit, by limit.")),
      requests_refused_(
          counters(where, "shannon_gateway_requests_refused_total",
                   "Requests refused before any handler saw them.")),
      credentials_(counters(where, "shannon_gateway_credentials_total",
                            "Credentials looked at, by what came of it.")),
      requests_(counters(where, "shannon_gateway_requests_total",
                         "Requests answered, by route and status.")),
      seconds_(histograms(where, "shannon_gateway_request_seconds",
                          "From a whole request to its answer, by route.")),
      rates_(counters(where, "shannon_gateway_rates_counted_total",
                      "Requests counted against rates, by where.")),
      limited_(counters(where, "shannon_gateway_rate_limited_total",
                        "Requests over a rate, by whose.")),
      rates_shared_(gauge(where, "shannon_gateway_rates_shared",
                          "1 while requests are counted in Redis.")),
      streams_(gauge(where, "shannon_gateway_streams",
                     "Event streams that are open.")),
      dropped_(counter(where, "shannon_gateway_streams_dropped_total",
                       "Event streams closed because of a slow reader.")),
      events_(counter(where, "shannon_gateway_stream_events_total",
                      "Events written to event streams.")) {}

void gateway_metrics::connection_refused(std::string_view reason) {
  connections_refused_.Add({{"reason", std::string{reason}}}).Increment();
}

void gateway_metrics::request_refused(std::string_view reason) {
  requests_refused_.Add({{"reason", std::string{reason}}}).Increment();
}

void gateway_metrics::rate_counted(const char* where) {
  rates_.Add({{"where", where}}).Increment();
}

void gateway_metrics::rate_limited(const char* by) {
  limited_.Add({{"by", by}}).Increment();
}

void gateway_metrics::credential_checked(const char* outcome) {
  credentials_.Add({{"outcome", outcome}}).Increment();
}

void gateway_metrics::request_ended(std::string_view route, int status,
                                    std::chrono::microseconds took) {
  auto key = std::string{route} + ' ' + std::to_string(status);
  request_series series{};
  {
    std::unique_lock guard{mutex_};
    auto [at, is_new] = known_.try_emplace(key);
    if (is_new) {
      std::string name{route};
      at->second = {
          &requests_.Add({{"route", name}, {"status", std::to_string(status)}}),
          &seconds_.Add({{"route", name}}, latency_buckets())};
    }
    series = at->second;
  }
  series.count->Increment();
  series.seconds->Observe(std::chrono::duration<double>(took).count());
}

} // namespace shannon::metrics
