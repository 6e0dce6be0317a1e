#include "actors/kit/roster.hpp"

namespace shannon::kit {

std::size_t roster::part_of(const listed& who) noexcept {
  // Objects lie at multiples of their size: the middle bits of a product tell
  // them apart, the lower ones of the address do not.
  auto place = reinterpret_cast<std::uintptr_t>(&who) >> 6;
  return static_cast<std::size_t>((place * 0x9E3779B97F4A7C15ULL) >> 56);
}

void roster::add(listed& who) {
  auto at = part_of(who);
  auto& part = parts_[at];
  std::lock_guard guard{part.mutex};
  who.id_ = (std::uint64_t{at} << part_shift) | ++part.given;
  who.before_ = part.last;
  who.after_ = nullptr;
  (part.last ? part.last->after_ : part.first) = &who;
  part.last = &who;
  ++part.size;
}

void roster::remove(listed& who) noexcept {
  auto& part = parts_[part_of(who)];
  std::lock_guard guard{part.mutex};
  if (part.first != &who && !who.before_)
    return;
  (who.before_ ? who.before_->after_ : part.first) = who.after_;
  (who.after_ ? who.after_->before_ : part.last) = who.before_;
  who.before_ = nullptr;
  who.after_ = nullptr;
  --part.size;
}

std::size_t roster::size() const {
  std::size_t all = 0;
  for (const auto& part : parts_) {
    std::lock_guard guard{part.mutex};
    all += part.size;
  }
  return all;
}

} // namespace shannon::kit
