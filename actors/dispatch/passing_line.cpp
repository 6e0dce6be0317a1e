#include "actors/dispatch/passing_line.hpp"

namespace shannon::dispatch {

std::shared_ptr<void> passing_line::take() {
  {
    std::lock_guard guard{mutex_};
    if (taken_ >= most_)
      return nullptr;
    ++taken_;
  }
  return {this, [line = shared_from_this()](void*) { line->give_back(); }};
}

std::uint64_t passing_line::shut() {
  std::lock_guard guard{mutex_};
  most_ = 0;
  return taken_;
}

void passing_line::open(std::uint64_t most) {
  std::lock_guard guard{mutex_};
  most_ = most;
}

std::uint64_t passing_line::taken() const {
  std::lock_guard guard{mutex_};
  return taken_;
}

void passing_line::give_back() {
  bool is_shut = false;
  {
    std::lock_guard guard{mutex_};
    --taken_;
    is_shut = most_ == 0;
  }
  if (is_shut)
    look_();
}

} // namespace shannon::dispatch
