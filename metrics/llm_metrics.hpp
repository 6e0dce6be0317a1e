#pragma once

#include "metrics/known_series.hpp"
#include "metrics/registry.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace shannon::metrics {

/// What the PROVIDERs count. Provider names come from models.yaml only, so the
/// number of series is bounded.
class llm_metrics {
public:
  explicit llm_metrics(registry& where);

  void call_started(const std::string& provider);

  /// `outcome` is ok or an errc name.
  void call_ended(const std::string& provider, const std::string& outcome,
                  std::chrono::microseconds took);

  void answer_came(const std::string& provider, std::int64_t input_tokens,
                   std::int64_t output_tokens, std::int64_t cost_nanousd,
                   std::chrono::microseconds first_token);

  /// A limit at the door, or an open breaker. `why` is queue or breaker.
  void call_refused(const std::string& provider, const std::string& why);

  void calls_waiting(const std::string& provider, std::size_t count);

  void breaker_opened(const std::string& provider);

private:
  /// Of one provider: what each of its calls counts.
  struct provider_series {
    prometheus::Gauge* running;
    prometheus::Counter* ok;
    prometheus::Histogram* seconds;
    prometheus::Histogram* first_token;
    prometheus::Counter* input;
    prometheus::Counter* output;
    prometheus::Counter* cost;
  };
  provider_series& of(const std::string& provider);

  prometheus::Family<prometheus::Counter>& calls_;
  prometheus::Family<prometheus::Histogram>& seconds_;
  prometheus::Family<prometheus::Histogram>& first_token_seconds_;
  prometheus::Family<prometheus::Counter>& tokens_;
  prometheus::Family<prometheus::Counter>& cost_;
  prometheus::Family<prometheus::Counter>& refused_;
  prometheus::Family<prometheus::Counter>& opened_;
  prometheus::Family<prometheus::Gauge>& running_;
  prometheus::Family<prometheus::Gauge>& waiting_;
  known_series<provider_series> known_;
};

} // namespace shannon::metrics
