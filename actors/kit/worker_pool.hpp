#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace shannon::kit {

/// A few threads for calls that block: files, name look-ups, large pages. CAF
/// workers and the event loop stay free.
class worker_pool {
public:
  worker_pool(std::string name, std::size_t threads, std::size_t queue_max);

  /// Drops what has not begun and does not wait for what has: a look-up may
  /// block for long, and who ends a pool must not. So a job owns all that it
  /// touches, and nothing of a loop (see loop_inbox).
  ~worker_pool();

  worker_pool(const worker_pool&) = delete;
  worker_pool& operator=(const worker_pool&) = delete;

  /// False if `queue_max` jobs wait already. A job must not throw.
  bool post(std::function<void()> job);

private:
  struct shared;

  std::shared_ptr<shared> shared_;
};

} // namespace shannon::kit
