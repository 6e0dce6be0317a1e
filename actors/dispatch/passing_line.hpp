#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace shannon::dispatch {

/// Effects that need not stop at the DISPATCHER: it says how many may be under
/// way at this node's own worker besides its own, as long as nobody waits, and
/// whoever has one of these places begins without asking it. Any thread.
class passing_line : public std::enable_shared_from_this<passing_line> {
public:
  /// `look` is called, by any thread, whenever a place is given back while
  /// there is none to have: somebody may wait for it.
  explicit passing_line(std::function<void()> look) : look_(std::move(look)) {}

  /// Given back when it goes; null: there is none now.
  std::shared_ptr<void> take();

  /// There is none from here on. Returns how many are out.
  std::uint64_t shut();
  /// So many at once from here on, those that are out among them.
  void open(std::uint64_t most);
  std::uint64_t taken() const;

private:
  void give_back();

  const std::function<void()> look_;
  mutable std::mutex mutex_;
  std::uint64_t most_ = 0;
  std::uint64_t taken_ = 0;
};

} // namespace shannon::dispatch
