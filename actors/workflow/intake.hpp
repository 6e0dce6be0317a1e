#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace shannon::workflow {

/// How many runs a node works on before it takes no more from outside. What is
/// taken and not carried out keeps the processor from what was taken before:
/// a node that accepts all it can accept ends less than it could.
///
/// The measure is how long an append takes, from the wish to the word that it
/// is on disk: every run passes there several times, and whatever is short,
/// processor, disk or database, shows in it. While it takes longer than the
/// target, the bound is what Little's law says would take just that: runs at
/// work times target over measured. While it does not, the bound grows, each
/// `look_every` by a sixteenth.
///
/// Runs that wait for a timer, a signal or a person are not at work. Nothing
/// is ever refused but what is new: who has been accepted counts, and goes on.
///
/// One for all runs of a node; any thread. The clock is the caller's.
class intake {
public:
  using clock = std::chrono::steady_clock;
  using microseconds = std::chrono::microseconds;

  struct limits {
    /// 0: only `runs_max` bounds.
    microseconds append_wait{100'000};
    /// The bound is never less, however long appends take.
    std::uint32_t runs_min = 64;
    std::uint32_t runs_max = 10'000;
  };

  static constexpr std::chrono::milliseconds look_every{100};

  explicit intake(limits what) : limits_(what), bound_(what.runs_max) {}

  /// A run that is at work, for as long as this is there.
  class place {
  public:
    place() = default;
    explicit place(std::shared_ptr<intake> of) : of_(std::move(of)) {
      if (of_)
        of_->at_work_.fetch_add(1, std::memory_order_relaxed);
    }
    ~place() {
      leave();
    }
    place(place&& other) noexcept : of_(std::move(other.of_)) {}
    place& operator=(place&& other) noexcept {
      leave();
      of_ = std::move(other.of_);
      return *this;
    }

  private:
    void leave() noexcept {
      if (auto of = std::exchange(of_, nullptr))
        of->at_work_.fetch_sub(1, std::memory_order_relaxed);
    }

    std::shared_ptr<intake> of_;
  };

  /// An append of a run is on disk, so long after it was wished for.
  void stored(microseconds took) noexcept {
    appends_.fetch_add(1, std::memory_order_relaxed);
    append_us_.fetch_add(static_cast<std::uint64_t>(took.count()),
                         std::memory_order_relaxed);
  }

  /// May one more run begin?
  bool has_room(clock::time_point now);

  std::uint32_t at_work() const noexcept {
    auto runs = at_work_.load(std::memory_order_relaxed);
    return runs > 0 ? static_cast<std::uint32_t>(runs) : 0;
  }
  std::uint32_t bound() const noexcept {
    return bound_.load(std::memory_order_relaxed);
  }

private:
  void look(clock::time_point now);

  limits limits_;
  std::atomic<std::int64_t> at_work_{0};
  std::atomic<std::uint64_t> appends_{0};
  std::atomic<std::uint64_t> append_us_{0};
  std::atomic<std::uint32_t> bound_;

  std::mutex mutex_; ///< Of what was seen at the last look.
  clock::time_point looked_at_{};
  std::uint64_t appends_seen_ = 0;
  std::uint64_t append_us_seen_ = 0;
};

} // namespace shannon::workflow
