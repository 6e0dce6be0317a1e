#pragma once

#include "protocols/browser.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

namespace shannon::browser {

/// What a BROWSER SESSION shows of itself to those who look, on any thread.
class session_card {
public:
  using clock = std::chrono::steady_clock;

  session_card(std::string id, std::string tenant, std::string task) {
    what_.id = std::move(id);
    what_.tenant = std::move(tenant);
    what_.task = std::move(task);
  }

  template <class F>
  void change(F how) {
    std::lock_guard guard{mutex_};
    how(what_);
    used_ = clock::now();
  }

  /// Not what its session does: that it is idle stays true.
  void weigh(std::uint64_t memory_bytes) {
    std::lock_guard guard{mutex_};
    what_.memory_bytes = memory_bytes;
  }

  seen_session see() const {
    std::lock_guard guard{mutex_};
    auto out = what_;
    auto now = clock::now();
    out.age
        = std::chrono::duration_cast<std::chrono::milliseconds>(now - born_);
    if (!out.busy)
      out.idle
          = std::chrono::duration_cast<std::chrono::milliseconds>(now - used_);
    return out;
  }

private:
  mutable std::mutex mutex_;
  seen_session what_;
  clock::time_point born_ = clock::now();
  clock::time_point used_ = clock::now();
};

using session_card_ptr = std::shared_ptr<session_card>;

} // namespace shannon::browser
