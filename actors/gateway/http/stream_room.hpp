#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace shannon::gateway {

/// What the streams of one server keep for their readers. One stream may hold
/// `one_max`, and no more than is left of the `all_max` of all together: so a few
/// slow readers have all they may, thousands share, and memory is bounded. The
/// rule of switches that share a memory: Choudhury and Hahne, Dynamic queue
/// length thresholds, 1998, with a factor of one. Any thread.
class stream_room {
public:
  stream_room(std::uint64_t one_max, std::uint64_t all_max)
      : one_max_(one_max), all_max_(all_max) {}

  /// What one stream may hold just now.
  std::uint64_t of_one() const noexcept {
    auto held = held_.load(std::memory_order_relaxed);
    return std::min(one_max_, held < all_max_ ? all_max_ - held : 0);
  }
  void take(std::uint64_t bytes) noexcept {
    held_.fetch_add(bytes, std::memory_order_relaxed);
  }
  void give_back(std::uint64_t bytes) noexcept {
    held_.fetch_sub(bytes, std::memory_order_relaxed);
  }
  std::uint64_t held() const noexcept {
    return held_.load(std::memory_order_relaxed);
  }

private:
  std::uint64_t one_max_;
  std::uint64_t all_max_;
  std::atomic<std::uint64_t> held_{0};
};

/// The share of one stream; what it holds is given back when it goes.
class stream_share {
public:
  explicit stream_share(std::shared_ptr<stream_room> of) : of_(std::move(of)) {}
  ~stream_share() {
    of_->give_back(held_);
  }
  stream_share(const stream_share&) = delete;
  stream_share& operator=(const stream_share&) = delete;

  /// False: too much waits for the reader already. One piece of any size is
  /// let through: else a large one would drop every reader again and again.
  bool take(std::uint64_t bytes) noexcept {
    auto waiting = held_.load();
    if (waiting != 0 && waiting + bytes > of_->of_one())
      return false;
    held_ += bytes;
    of_->take(bytes);
    return true;
  }
  /// What is left.
  std::uint64_t give_back(std::uint64_t bytes) noexcept {
    of_->give_back(bytes);
    return held_ -= bytes;
  }
  std::uint64_t held() const noexcept {
    return held_;
  }
  /// Half of what it may hold waits: no time to hand it more of what can wait.
  /// Never while nothing waits, however much others hold.
  bool is_half_full() const noexcept {
    auto waiting = held_.load();
    return waiting != 0 && waiting >= of_->of_one() / 2;
  }

private:
  std::shared_ptr<stream_room> of_;
  std::atomic<std::uint64_t> held_{0};
};

} // namespace shannon::gateway
