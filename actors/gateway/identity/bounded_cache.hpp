#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>

namespace shannon::gateway {

/// What was found out about a name, for a while. Holds at most `most` of them:
/// above it the one that was put first goes, so that a flood of names costs no
/// more memory than that. Knows no clock.
template <class Value>
class bounded_cache {
public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit bounded_cache(std::size_t most) : most_(most) {}

  /// Null if nothing is known, or not any more.
  const Value* find(const std::string& name, time_point now) const {
    auto at = entries_.find(name);
    return at != entries_.end() && now < at->second.until ? &at->second.value
                                                          : nullptr;
  }

  void put(const std::string& name, Value value, time_point until) {
    auto turn = ++turns_;
    entries_.insert_or_assign(name, entry{std::move(value), until, turn});
    order_.emplace_back(turn, name);
    while (entries_.size() > most_ || order_.size() > 2 * most_)
      drop_oldest();
  }

  void erase(const std::string& name) {
    entries_.erase(name);
  }

  std::size_t size() const noexcept {
    return entries_.size();
  }

private:
  struct entry {
    Value value;
    time_point until;
    std::uint64_t turn;
  };

  /// Of a name that was put again only the last turn counts.
  void drop_oldest() {
    auto [turn, name] = std::move(order_.front());
    order_.pop_front();
    auto at = entries_.find(name);
    if (at == entries_.end() || at->second.turn != turn)
      return;
    entries_.erase(at);
  }

  std::size_t most_;
  std::uint64_t turns_ = 0;
  std::unordered_map<std::string, entry> entries_;
  std::deque<std::pair<std::uint64_t, std::string>> order_;
};

} // namespace shannon::gateway
