#pragma once

#include "actors/inspector/glance.hpp"
#include "actors/inspector/rates.hpp"
#include "protocols/inspector.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

namespace shannon::inspector {

/// The few of all actors that have most to do, and what all do together. Pure:
/// all that live are shown to `take`, some at a time.
class top_actors {
public:
  explicit top_actors(get_top wanted) : wanted_(std::move(wanted)) {}

  void take(const glance& who, rates::rate rate);

  /// The busiest first. Of two that are alike the one with the smaller address.
  /// `wall` and `now` are one moment by two clocks.
  top_page rows(std::chrono::system_clock::time_point wall,
                std::chrono::steady_clock::time_point now) const;

private:
  struct one {
    double key = 0;
    seen_actor row;
    std::chrono::steady_clock::time_point born;
  };

  static bool before(const one& a, const one& b);
  double key_of(const glance& who, double per_s) const;

  get_top wanted_;
  top_page all_;
  /// A heap with the least of those kept in front.
  std::vector<one> kept_;
};

} // namespace shannon::inspector
