#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace shannon::test {

/// The wall clock of one child process, as far from the right time as is said
/// here, from that moment on. Other clocks of it go on as they were.
class moved_clock {
public:
  /// False where sanitizers are: nothing may be loaded before them.
  static bool possible();

  moved_clock();
  ~moved_clock();
  moved_clock(moved_clock&& other) noexcept;
  moved_clock& operator=(moved_clock&&) = delete;

  /// What the process must find in its environment.
  std::vector<std::string> environment() const;
  void move(std::int64_t us);

private:
  std::string file_;
  std::int64_t* offset_us_ = nullptr;
};

} // namespace shannon::test
