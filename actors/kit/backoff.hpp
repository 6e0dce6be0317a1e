#pragma once

#include <chrono>
#include <cstdint>

namespace shannon::kit {

/// How long to wait before attempt n+1: doubling from `least` to `most`, then
/// full jitter ("Exponential Backoff And Jitter", AWS Architecture Blog 2015):
/// a uniform share of it, so that clients who failed together do not return
/// together.
struct backoff {
  std::chrono::milliseconds least{100};
  std::chrono::milliseconds most{30'000};

  /// `attempt` is the one that failed, from 1. `chance` is uniform in [0, 1).
  /// Never less than half of `least`.
  std::chrono::milliseconds delay(std::uint32_t attempt, double chance) const;

  /// Without jitter: for restarts of one child.
  std::chrono::milliseconds ceiling(std::uint32_t attempt) const;
};

} // namespace shannon::kit
