#include "actors/kit/worker_pool.hpp"

#include <pthread.h>
#include <thread>
#include <utility>

namespace shannon::kit {

/// Owned by the threads too, so that each has firm ground to its end.
struct worker_pool::shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> jobs;
  std::size_t queue_max = 0;
  bool stopped = false;

  void run() {
    std::unique_lock lock{mutex};
    for (;;) {
      changed.wait(lock, [this] { return stopped || !jobs.empty(); });
      if (stopped)
        return;
      auto job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      job();
      job = nullptr; // What it captured ends here, without the lock.
      lock.lock();
    }
  }
};

worker_pool::worker_pool(std::string name, std::size_t threads,
                         std::size_t queue_max)
    : shared_(std::make_shared<shared>()) {
  shared_->queue_max = queue_max;
  // The kernel keeps 15 characters.
  name = name.substr(0, 15);
  for (std::size_t i = 0; i < threads; ++i)
    std::thread{[state = shared_, name] {
      pthread_setname_np(pthread_self(), name.c_str());
      state->run();
    }}.detach();
}

worker_pool::~worker_pool() {
  std::deque<std::function<void()>> dropped;
  {
    std::lock_guard lock{shared_->mutex};
    shared_->stopped = true;
    dropped.swap(shared_->jobs);
  }
  shared_->changed.notify_all();
}

bool worker_pool::post(std::function<void()> job) {
  {
    std::lock_guard lock{shared_->mutex};
    if (shared_->stopped || shared_->jobs.size() >= shared_->queue_max)
      return false;
    shared_->jobs.push_back(std::move(job));
  }
  shared_->changed.notify_one();
  return true;
}

} // namespace shannon::kit
