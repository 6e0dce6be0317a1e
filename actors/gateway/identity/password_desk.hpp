#pragma once

#include "actors/gateway/identity/password.hpp"
#include "protocols/errc.hpp"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace shannon::gateway {

/// Hashes passwords on threads of its own: each takes some 20 ms and as many
/// MiB, which no actor may wait for. Above its limit of waiting ones it refuses
/// `overloaded` at once, so a flood of logins costs a bounded memory.
///
/// Callbacks run through `post`; what is under way when it ends is dropped.
class password_desk {
public:
  using job = std::function<void()>;
  using post = std::function<void(job)>;

  password_desk(password_costs costs, std::size_t workers,
                std::size_t waiting_max, post back);
  ~password_desk();

  password_desk(const password_desk&) = delete;
  password_desk& operator=(const password_desk&) = delete;

  void hash(std::string password,
            std::function<void(result<std::string>)> then);

  /// An empty `hash` fits no password, and is found out in the same time.
  void verify(std::string password, std::string hash,
              std::function<void(result<bool>)> then);

private:
  /// False: it is refused.
  bool push(job what);
  void run();
  const std::string& nobodys();

  const password_costs costs_;
  const std::size_t waiting_max_;
  const post back_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<job> queue_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
  std::once_flag made_;
  /// Of a password that nobody knows.
  std::string nobodys_;
  std::vector<std::thread> threads_;
};

} // namespace shannon::gateway
