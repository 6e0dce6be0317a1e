#pragma once

#include "metrics/registry.hpp"

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace shannon::metrics {

/// What the HTTP server and GATEWAY count. Thread-safe.
class gateway_metrics {
public:
  explicit gateway_metrics(registry& where);

  void connection_opened() {
    connections_.Increment();
  }
  void connection_closed() {
    connections_.Decrement();
  }
  /// `reason`: total, per-ip, descriptors.
  void connection_refused(std::string_view reason);
  /// By the strict layer, a limit or a timeout, before any handler saw it.
  void request_refused(std::string_view reason);
  /// What came of looking at a request's credential: key, token, dev, none,
  /// refused, scope, unavailable.
  void credential_checked(const char* outcome);
  /// `route` is a pattern, never a path: ids would make a series each.
  void request_ended(std::string_view route, int status,
                     std::chrono::microseconds took);

  /// `where`: redis, node.
  void rate_counted(const char* where);
  /// `by`: caller, tenant, address, route.
  void rate_limited(const char* by);
  void rates_shared(bool are) {
    rates_shared_.Set(are ? 1 : 0);
  }

  void stream_opened() {
    streams_.Increment();
  }
  void stream_closed() {
    streams_.Decrement();
  }
  /// Its reader was too slow.
  void stream_dropped() {
    dropped_.Increment();
  }
  void events_sent(std::size_t count) {
    events_.Increment(static_cast<double>(count));
  }

private:
  struct request_series {
    prometheus::Counter* count;
    prometheus::Histogram* seconds;
  };

  prometheus::Gauge& connections_;
  prometheus::Family<prometheus::Counter>& connections_refused_;
  prometheus::Family<prometheus::Counter>& requests_refused_;
  prometheus::Family<prometheus::Counter>& credentials_;
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Histogram>& seconds_;
  prometheus::Family<prometheus::Counter>& rates_;
  prometheus::Family<prometheus::Counter>& limited_;
  prometheus::Gauge& rates_shared_;
  prometheus::Gauge& streams_;
  prometheus::Counter& dropped_;
  prometheus::Counter& events_;
  std::mutex mutex_;
  /// Looking a series up in the family costs more than a small request.
  std::unordered_map<std::string, request_series> known_;
};

} // namespace shannon::metrics
