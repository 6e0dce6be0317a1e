#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_set>

namespace shannon::browser {

/// Counts what a page is loading. No input or output. Streams that a page
/// keeps open (event sources, WebSockets) and `data:` are not counted, or it
/// would never be idle.
class network_count {
public:
  using time_point = std::chrono::steady_clock::time_point;

  void began(const std::string& request, std::string_view type,
             std::string_view url);
  void ended(const std::string& request, time_point now);
  /// A new document: what the one before was loading is of no interest.
  void reset(time_point now);

  bool idle_for(std::chrono::milliseconds quiet, time_point now) const;
  /// When it will have been idle for as long, if nothing begins.
  time_point idle_at(std::chrono::milliseconds quiet) const noexcept {
    return quiet_since_ + quiet;
  }
  bool idle() const noexcept {
    return open_.empty();
  }
  std::size_t open() const noexcept {
    return open_.size();
  }

  /// A page that begins more at once is counted as busy until its next
  /// document.
  static constexpr std::size_t requests_max = 10'000;

private:
  std::unordered_set<std::string> open_;
  time_point quiet_since_{};
};

} // namespace shannon::browser
