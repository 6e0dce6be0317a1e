#pragma once

#include <cstdint>

namespace shannon::sim {

/// Where everything a seed decides comes from: splitmix64, so that the same
/// seed gives the same world with every compiler and library.
class chance {
public:
  explicit chance(std::uint64_t seed) : state_{seed} {}

  std::uint64_t next() noexcept {
    auto z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// Uniform in [0, n).
  std::uint64_t below(std::uint64_t n) noexcept {
    return next() % n;
  }
  /// Uniform in [least, most].
  std::int64_t between(std::int64_t least, std::int64_t most) noexcept {
    return least
           + static_cast<std::int64_t>(
               below(static_cast<std::uint64_t>(most - least) + 1));
  }
  /// Times between `least` and `most`, short ones as often as long ones.
  std::int64_t spread(std::int64_t least, std::int64_t most) noexcept {
    auto top = least;
    while (top < most && !one_in(4))
      top *= 4;
    return between(least, top < most ? top : most);
  }
  /// Between `least` and `most`, each order of magnitude as often.
  std::int64_t magnitude(std::int64_t least, std::int64_t most) noexcept {
    unsigned doublings = 0;
    while (least << (doublings + 1) <= most)
      ++doublings;
    auto low = least << below(doublings + 1);
    return between(low, low * 2 < most ? low * 2 : most);
  }
  bool one_in(std::uint64_t n) noexcept {
    return below(n) == 0;
  }
  bool per_mille(std::uint64_t n) noexcept {
    return below(1000) < n;
  }
  double real() noexcept {
    return static_cast<double>(next() >> 11) * 0x1.0p-53;
  }
  /// A stream of its own: what it decides moves nothing elsewhere.
  chance fork() noexcept {
    return chance{next()};
  }

private:
  std::uint64_t state_;
};

} // namespace shannon::sim
