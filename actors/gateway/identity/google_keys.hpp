#pragma once

#include "actors/gateway/identity/google_token.hpp"
#include "protocols/errc.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace shannon::gateway {

/// Google's keys, as long as they are good. They are fetched when somebody
/// asks for one: at most once a minute, and after a failure at most every five
/// seconds, whatever ids the tokens of clients name.
///
/// Used on one actor, not thread-safe. Must outlive its fetches.
class google_keys {
public:
  using clock_point = std::chrono::steady_clock::time_point;
  struct fetched {
    google_key_set keys;
    /// How long they may be kept; held to a minute at least, a day at most.
    std::chrono::seconds good_for{0};
  };
  using fetch_done = std::function<void(result<fetched>)>;
  /// Null: Google has no such key.
  using then = std::function<void(result<rsa_key_ptr>)>;

  static constexpr std::chrono::seconds pause{60};
  static constexpr std::chrono::seconds pause_after_failure{5};
  static constexpr std::chrono::hours good_for_max{24};
  /// Who asks while so many wait for a fetch is refused `overloaded`.
  static constexpr std::size_t waiting_max = 256;

  google_keys(std::function<void(fetch_done)> fetch,
              std::function<clock_point()> clock)
      : fetch_(std::move(fetch)), clock_(std::move(clock)) {}

  /// Calls `next` once, at once if it can. `unavailable` while the keys cannot
  /// be had.
  void find(const std::string& id, then next);

private:
  rsa_key_ptr known(const std::string& id) const;
  void take(result<fetched> got);

  std::function<void(fetch_done)> fetch_;
  std::function<clock_point()> clock_;
  google_key_set keys_;
  clock_point good_until_;
  clock_point fetch_from_;
  std::vector<std::pair<std::string, then>> waiting_;
};

} // namespace shannon::gateway
