#pragma once

#include "tests/simulation/chance.hpp"
#include "tests/simulation/coverage.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::sim {

/// What was found untrue: the name of the check and a sentence.
struct violation {
  std::string check;
  std::string text;
  std::int64_t at_us = 0;
};

/// The clock, the order of events and the journal of one simulated world. One
/// thread; what happens at one moment happens in the order it was planned, so
/// the same seed gives the same journal, letter by letter.
class world {
public:
  /// Any moment will do, but not one near 0: times are wall clock to the runs.
  static constexpr std::int64_t start_us = 1'700'000'000'000'000;

  explicit world(std::uint64_t seed) : dice{seed} {}

  std::int64_t now_us() const noexcept {
    return now_us_;
  }
  void after(std::int64_t delay_us, std::function<void()> what) {
    at(now_us_ + delay_us, std::move(what));
  }
  void at(std::int64_t due_us, std::function<void()> what);

  /// Lets the next event happen. False when there is none or a check failed.
  bool step();
  std::uint64_t events() const noexcept {
    return events_;
  }

  /// A line of the journal: who did what. Part of the hash, shown on demand.
  void note(std::string_view who, std::string_view text);
  std::uint64_t hash() const noexcept {
    return hash_;
  }

  /// A check found something untrue. The first one ends the world.
  void fail(std::string check, std::string text);
  const std::optional<violation>& failure() const noexcept {
    return failure_;
  }

  chance dice;
  coverage seen;
  bool trace = false;
  /// Faults end once and for all: from here on progress is demanded.
  bool healed = false;
  std::int64_t healed_at_us = 0;
  /// By then every node is back, and leases of dead ones have run out.
  std::int64_t well_at_us = 0;

private:
  struct event {
    std::int64_t due_us;
    std::uint64_t number;
    std::function<void()> what;
  };
  struct later {
    bool operator()(const event& a, const event& b) const noexcept {
      return a.due_us != b.due_us ? a.due_us > b.due_us : a.number > b.number;
    }
  };

  std::int64_t now_us_ = start_us;
  std::uint64_t planned_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t hash_ = 0;
  std::vector<event> queue_; ///< A heap by `later`.
  std::optional<violation> failure_;
};

} // namespace shannon::sim
