#pragma once

#include "actors/gateway/identity/bounded_cache.hpp"
#include "protocols/errc.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace shannon::gateway {

struct vouching_bounds {
  std::size_t known_max;
  std::size_t unknown_max;
  /// Names that are being asked about; above it `overloaded`.
  std::size_t lookups_max;
  std::chrono::milliseconds hold;
};

/// Remembers for a while what somebody else vouches for, and asks again then:
/// who waits for the same name waits for one ask. What is unknown is
/// remembered in a place of its own, so that a flood of it displaces nothing.
///
/// An answer holds from before it was asked for: what it says may have been
/// true last at that moment. Used on one actor; must outlive its asks.
template <class Value>
class vouching {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using found = result<std::optional<Value>>;
  using then = std::function<void(const found&)>;
  /// Finds out, and calls back once.
  using source = std::function<void(std::function<void(found)>)>;
  /// How much longer a value holds by itself; nothing: for ever.
  using left
      = std::function<std::optional<std::chrono::milliseconds>(const Value&)>;

  vouching(const vouching_bounds& bounds, std::function<time_point()> clock,
           left ends_in)
      : bounds_(bounds), clock_(std::move(clock)), ends_in_(std::move(ends_in)),
        known_(bounds.known_max), unknown_(bounds.unknown_max) {}

  /// At once if it is remembered, else when `ask` has called back.
  void find(const std::string& name, const source& ask, then next) {
    auto now = clock_();
    if (const auto* value = known_.find(name, now))
      return next(found{*value});
    if (unknown_.find(name, now))
      return next(found{std::nullopt});
    if (auto at = asked_.find(name); at != asked_.end()) {
      at->second.waiting.push_back(std::move(next));
      return;
    }
    if (asked_.size() >= bounds_.lookups_max)
      return next(fail(errc::overloaded,
                       "too many credentials are being looked up", true));
    auto turn = ++turns_;
    auto& one = asked_[name];
    one.turn = turn;
    one.waiting.push_back(std::move(next));
    ask([this, name, now, turn](const found& got) {
      answered(name, now, turn, got);
    });
  }

  /// It has changed: what is remembered, and an answer that is under way, is
  /// not remembered any longer.
  void forget(const std::string& name) {
    known_.erase(name);
    unknown_.erase(name);
    if (auto at = asked_.find(name); at != asked_.end())
      at->second.turn = 0;
  }

  std::size_t remembered() const noexcept {
    return known_.size() + unknown_.size();
  }

private:
  struct lookup {
    std::uint64_t turn = 0; ///< 0: not to be remembered.
    std::vector<then> waiting;
  };

  void answered(const std::string& name, time_point asked, std::uint64_t turn,
                const found& got) {
    auto at = asked_.find(name);
    if (at == asked_.end())
      return;
    auto done = std::move(at->second);
    asked_.erase(at);
    if (got && done.turn == turn)
      remember(name, asked, *got);
    for (auto& next : done.waiting)
      next(got);
  }

  void remember(const std::string& name, time_point asked,
                const std::optional<Value>& value) {
    if (!value) {
      known_.erase(name);
      unknown_.put(name, true, asked + bounds_.hold);
      return;
    }
    auto hold = bounds_.hold;
    if (auto end = ends_in_(*value); end && *end < hold)
      hold = *end;
    unknown_.erase(name);
    known_.put(name, *value, asked + hold);
  }

  vouching_bounds bounds_;
  std::function<time_point()> clock_;
  left ends_in_;
  bounded_cache<Value> known_;
  bounded_cache<bool> unknown_;
  std::unordered_map<std::string, lookup> asked_;
  std::uint64_t turns_ = 0;
};

} // namespace shannon::gateway
