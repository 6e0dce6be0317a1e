#pragma once

#include "actors/kit/failpoint_board.hpp"

#include <string>

namespace shannon::test {

/// What one child process is to do at its failpoints, said while it runs.
class failpoint_order {
public:
  failpoint_order();
  ~failpoint_order();
  failpoint_order(failpoint_order&& other) noexcept;
  failpoint_order& operator=(failpoint_order&&) = delete;

  /// What the process must find in its environment.
  std::string environment() const;
  /// `log.committed=kill@3`; empty: nothing, from here on.
  void give(const std::string& order);

private:
  std::string file_;
  kit::failpoint_board* board_ = nullptr;
};

} // namespace shannon::test
