#pragma once

#include "protocols/envelope.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace shannon::link {

/// Asks that went over a link and have no answer yet: who must be told when
/// it breaks.
class ask_table {
public:
  using time_point = std::chrono::steady_clock::time_point;

  struct ask {
    address from;
    address to;
    std::uint64_t correlation = 0;
  };

  /// `deadline` zero: it stays until it is answered.
  void add(ask what, time_point deadline);

  /// False if it was not there: answered before, or too late.
  bool answered(const address& from, std::uint64_t correlation);

  /// Those past their deadline go: whoever asked has been told `timeout`.
  void expire(time_point now);

  /// Takes out all that are left.
  std::vector<ask> take_all();

  std::size_t size() const noexcept {
    return asks_.size();
  }

private:
  struct key {
    std::string from;
    std::uint64_t correlation = 0;
    friend bool operator==(const key&, const key&) = default;
  };
  struct key_hash {
    std::size_t operator()(const key& what) const noexcept {
      return std::hash<std::string>{}(what.from)
             ^ (what.correlation * 0x9e37'79b9'7f4a'7c15ull);
    }
  };
  using due_map = std::multimap<time_point, key>;
  struct entry {
    address to;
    due_map::iterator due;
  };

  std::unordered_map<key, entry, key_hash> asks_;
  due_map due_;
};

} // namespace shannon::link
