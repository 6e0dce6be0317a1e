#include "metrics/llm_metrics.hpp"

#include "metrics/series.hpp"

namespace shannon::metrics {

namespace {

double seconds(std::chrono::microseconds time) {
  return std::chrono::duration<double>(time).count();
}

} // namespace

llm_metrics::llm_metrics(registry& where)
    : calls_(counters(where, "shannon_llm_calls_total",
                      "Calls to providers that ended, by outcome.")),
      seconds_(histograms(where, "shannon_llm_call_seconds",
                          "How long a call to a provider took.")),
      first_token_seconds_(
          histograms(where, "shannon_llm_first_token_seconds",
                     "From the start of a call to its first token.")),
      tokens_(counters(where, "shannon_llm_tokens_total",
                       "Tokens as the providers counted them.")),
      cost_(counters(where, "shannon_llm_cost_usd_total",
                     "What the calls cost by the prices of models.yaml.")),
      refused_(counters(where, "shannon_llm_refused_total",
                        "Calls refused at the door, by why.")),
      opened_(counters(where, "shannon_llm_breaker_opened_total",
                       "Times a provider's circuit breaker opened.")),
      running_(gauges(where, "shannon_llm_calls_running", "Calls in flight.")),
      waiting_(gauges(where, "shannon_llm_calls_waiting",
                      "Calls that wait for a place in flight.")) {}

llm_metrics::provider_series& llm_metrics::of(const std::string& provider) {
  return known_.at(provider, [&] {
    prometheus::Labels name{{"provider", provider}};
    auto tokens = [&](const char* direction) {
      return &tokens_.Add({{"provider", provider}, {"direction", direction}});
    };
    return provider_series{
        &running_.Add(name),
        &calls_.Add({{"provider", provider}, {"outcome", "ok"}}),
        &seconds_.Add(name, latency_buckets()),
        &first_token_seconds_.Add(name, latency_buckets()),
        tokens("input"),
        tokens("output"),
        &cost_.Add(name)};
  });
}

void llm_metrics::call_started(const std::string& provider) {
  of(provider).running->Increment();
}

void llm_metrics::call_ended(const std::string& provider,
                             const std::string& outcome,
                             std::chrono::microseconds took) {
  auto& series = of(provider);
  series.running->Decrement();
  if (outcome == "ok")
    series.ok->Increment();
  else
    calls_.Add({{"provider", provider}, {"outcome", outcome}}).Increment();
  series.seconds->Observe(seconds(took));
}

void llm_metrics::answer_came(const std::string& provider,
                              std::int64_t input_tokens,
                              std::int64_t output_tokens,
                              std::int64_t cost_nanousd,
                              std::chrono::microseconds first_token) {
  auto& series = of(provider);
  series.input->Increment(static_cast<double>(input_tokens));
  series.output->Increment(static_cast<double>(output_tokens));
  series.cost->Increment(static_cast<double>(cost_nanousd) / 1e9);
  series.first_token->Observe(seconds(first_token));
}

void llm_metrics::call_refused(const std::string& provider,
                               const std::string& why) {
  refused_.Add({{"provider", provider}, {"why", why}}).Increment();
}

void llm_metrics::calls_waiting(const std::string& provider,
                                std::size_t count) {
  waiting_.Add({{"provider", provider}}).Set(static_cast<double>(count));
}

void llm_metrics::breaker_opened(const std::string& provider) {
  opened_.Add({{"provider", provider}}).Increment();
}

} // namespace shannon::metrics
