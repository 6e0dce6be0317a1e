#include "actors/gateway/identity/password_desk.hpp"

#include "actors/gateway/identity/digest.hpp"
#include "actors/kit/bytes_text.hpp"

#include <algorithm>
#include <utility>

namespace shannon::gateway {

namespace {

tl::unexpected<error> full() {
  return fail(errc::overloaded, "too many passwords wait to be checked", true);
}

} // namespace

password_desk::password_desk(password_costs costs, std::size_t workers,
                             std::size_t waiting_max, post back)
    : costs_(costs), waiting_max_(waiting_max), back_(std::move(back)) {
  for (std::size_t i = 0; i < std::max<std::size_t>(workers, 1); ++i)
    threads_.emplace_back([this] { run(); });
}

password_desk::~password_desk() {
  {
    std::lock_guard guard{mutex_};
    stopping_ = true;
    queue_.clear();
  }
  wake_.notify_all();
  for (auto& one : threads_)
    one.join();
}

void password_desk::hash(std::string password,
                         std::function<void(result<std::string>)> then) {
  auto taken = push([this, password, then]() mutable {
    auto made = hash_password(password, costs_);
    wipe(password);
    back_([then, made = std::move(made)] { then(made); });
  });
  wipe(password);
  if (!taken)
    then(full());
}

void password_desk::verify(std::string password, std::string hash,
                           std::function<void(result<bool>)> then) {
  auto taken = push([this, password, hash, then]() mutable {
    auto known = !hash.empty();
    auto fits = is_password(password, known ? hash : nobodys());
    wipe(password);
    back_([then, good = known && fits] { then(good); });
  });
  wipe(password);
  if (!taken)
    then(full());
}

bool password_desk::push(job what) {
  {
    std::lock_guard guard{mutex_};
    // Who is idle takes one at once; the rest waits.
    if (stopping_ || queue_.size() >= waiting_max_ + idle_)
      return false;
    queue_.push_back(std::move(what));
  }
  wake_.notify_one();
  return true;
}

void password_desk::run() {
  std::unique_lock guard{mutex_};
  for (;;) {
    ++idle_;
    wake_.wait(guard, [this] { return stopping_ || !queue_.empty(); });
    --idle_;
    if (stopping_)
      return;
    auto next = std::move(queue_.front());
    queue_.pop_front();
    guard.unlock();
    next();
    guard.lock();
  }
}

const std::string& password_desk::nobodys() {
  std::call_once(made_, [this] {
    nobodys_
        = hash_password(kit::to_hex(random_bytes(32)), costs_).value_or("");
  });
  return nobodys_;
}

} // namespace shannon::gateway
