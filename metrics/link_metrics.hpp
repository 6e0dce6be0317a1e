#pragma once

#include "metrics/registry.hpp"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace shannon::metrics {

/// What is counted about links between nodes. Thread-safe.
class link_metrics {
public:
  using seconds = std::chrono::duration<double>;

  explicit link_metrics(registry& all);

  void mail_sent(std::uint64_t bytes);
  void mail_received(std::uint64_t bytes);

  /// An ask was refused on its way, or an answer became a refusal. `why` is
  /// `window`, `reserve`, `asks`, `size`, `body` or `nobody`.
  void mail_refused(const std::string& why);
  /// Nobody is told: tells, and answers at the end of the reserve.
  void mail_dropped(const std::string& why);

  void link_up();
  /// With this many asks that had no answer.
  void link_down(std::uint64_t asks);

  /// A connection did not become a link.
  void connection_refused(const std::string& why);

  void probed(seconds round_trip);

  /// When this node's certificate ends.
  void certified_until(std::chrono::system_clock::time_point end);

private:
  prometheus::Family<prometheus::Counter>& mails_;
  prometheus::Family<prometheus::Counter>& bytes_;
  prometheus::Counter& mails_sent_;
  prometheus::Counter& mails_received_;
  prometheus::Counter& bytes_sent_;
  prometheus::Counter& bytes_received_;
  prometheus::Family<prometheus::Counter>& refused_;
  prometheus::Family<prometheus::Counter>& dropped_;
  prometheus::Family<prometheus::Counter>& connections_refused_;
  prometheus::Gauge& up_;
  prometheus::Counter& downs_;
  prometheus::Counter& asks_lost_;
  prometheus::Histogram& round_trip_;
  /// Without a certificate there is no such line.
  prometheus::Family<prometheus::Gauge>& certificate_ends_;
};

} // namespace shannon::metrics
