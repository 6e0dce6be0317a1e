#pragma once

#include "metrics/registry.hpp"

#include <prometheus/counter.h>
#include <prometheus/family.h>

#include <string>

namespace shannon::metrics {

/// What is counted about every actor. Thread-safe; outlives the actor system.
class actor_metrics {
public:
  explicit actor_metrics(registry& all);

  /// A supervisor starts this child again.
  void child_restarted(const std::string& child);

  /// A full mailbox refused a message. `kind` is the kind of the address, so
  /// that a million workflows make one series.
  void mailbox_rejected(const std::string& kind);

private:
  prometheus::Family<prometheus::Counter>& restarts_;
  prometheus::Family<prometheus::Counter>& rejected_;
};

} // namespace shannon::metrics
