#pragma once

#include "metrics/registry.hpp"
#include "protocols/errc.hpp"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <chrono>
#include <cstddef>
#include <string>

namespace shannon::metrics {

/// What is counted about the EVENT STORE. Thread-safe; its threads use it.
class store_metrics {
public:
  using seconds = std::chrono::duration<double>;

  explicit store_metrics(registry& all);

  /// An append was answered, `taken` after it came in.
  void append_ended(errc outcome, seconds taken);

  /// One transaction took this many appends and facts.
  void group_committed(std::size_t appends, std::size_t facts, seconds taken);

  /// Appends waiting for a group, of all writers.
  void appends_waiting(std::ptrdiff_t change);

  /// The connection broke with this many appends in flight.
  void commits_unclear(std::size_t appends);

  /// A group failed as a whole; its appends are run one by one.
  void group_split();

  /// A query was answered. `what` is the message's name.
  void query_ended(const std::string& what, errc outcome, seconds taken);

  /// `role` is `writer`, `reader` or `records`.
  void connected(const std::string& role);

private:
  prometheus::Family<prometheus::Counter>& appends_;
  prometheus::Counter& facts_;
  prometheus::Histogram& append_seconds_;
  prometheus::Histogram& group_size_;
  prometheus::Histogram& commit_seconds_;
  prometheus::Gauge& waiting_;
  prometheus::Counter& unclear_;
  prometheus::Counter& splits_;
  prometheus::Family<prometheus::Counter>& queries_;
  prometheus::Family<prometheus::Histogram>& query_seconds_;
  prometheus::Family<prometheus::Counter>& connections_;
};

} // namespace shannon::metrics
