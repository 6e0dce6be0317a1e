#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::sim {

/// Rare things a simulation must have met, else its checks prove nothing: the
/// "sometimes" assertions. Each is named where it happens.
class coverage {
public:
  void hit(std::string_view what) {
    auto at = counts_.find(what);
    if (at == counts_.end())
      at = counts_.emplace(std::string{what}, 0).first;
    ++at->second;
  }
  void add(const coverage& other);

  std::uint64_t count(std::string_view what) const;
  const std::map<std::string, std::uint64_t, std::less<>>& counts() const {
    return counts_;
  }
  /// What of the list never happened.
  std::vector<std::string> missing() const;

private:
  std::map<std::string, std::uint64_t, std::less<>> counts_;
};

} // namespace shannon::sim
