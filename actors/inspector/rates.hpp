#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace shannon::inspector {

/// Messages per second, by two looks: what counts is here, not in the actors.
/// Pure. Remembers up to `kept_max` actors for a minute; of one it does not
/// know it tells the mean over its life. Of each it keeps some 70 bytes.
class rates {
public:
  using time_point = std::chrono::steady_clock::time_point;

  struct rate {
    double per_s = 0;
    std::chrono::milliseconds over{0};
  };

  explicit rates(std::size_t kept_max = 200'000) : kept_max_(kept_max) {}

  /// Actor `number`, born then, has by now had `total` messages.
  rate told(std::uint64_t number, std::uint64_t total, time_point born,
            time_point now);

  /// So many will be asked for: room is made at once, not while they are
  /// looked at.
  void expect(std::size_t actors) {
    known_.reserve(actors < kept_max_ ? actors : kept_max_);
  }

  /// Those that nobody has asked for within a minute.
  void forget_old(time_point now);

  std::size_t kept() const noexcept {
    return known_.size();
  }

private:
  struct look {
    std::uint64_t total = 0;
    time_point at;
    rate last; ///< Told again to who looks soon after.
  };

  std::size_t kept_max_;
  std::unordered_map<std::uint64_t, look> known_;
  time_point swept_{};
};

} // namespace shannon::inspector
