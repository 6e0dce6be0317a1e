#pragma once

#include "actors/inspector/inspector.hpp"

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace shannon::nodes {

/// Watches the Redis of a node from a thread of its own, since the client
/// blocks. Redis is never needed: its state is shown, and never makes a node
/// not ready.
class redis_probe {
public:
  /// An empty `url` watches nothing.
  explicit redis_probe(const std::string& url);
  ~redis_probe();

  redis_probe(const redis_probe&) = delete;
  redis_probe& operator=(const redis_probe&) = delete;

  /// Must not outlive this object.
  inspector::probe probe();

private:
  void watch(const std::string& url);

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::string state_ = "not configured";
  std::thread thread_;
};

} // namespace shannon::nodes
