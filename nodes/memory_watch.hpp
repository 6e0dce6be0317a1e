#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

namespace shannon::nodes {

/// Bytes of this process that are in memory, by the kernel's count; 0 if it
/// does not say.
std::uint64_t resident_bytes();

/// May the node begin one more task, as far as its memory goes? What it has
/// goes on, or nothing would ever be given back. Looks at most every 250 ms;
/// any thread may ask.
class memory_watch {
public:
  using clock = std::chrono::steady_clock;

  /// `most`: `node.memory_max`; 0 for no bound.
  explicit memory_watch(std::uint64_t most,
                        std::function<std::uint64_t()> resident
                        = resident_bytes)
      : most_(most), resident_(std::move(resident)) {}

  bool has_room(clock::time_point now);

private:
  std::uint64_t most_;
  std::function<std::uint64_t()> resident_;
  std::atomic<clock::rep> looked_at_{0};
  std::atomic<bool> full_{false};
};

} // namespace shannon::nodes
