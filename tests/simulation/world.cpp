#include "tests/simulation/world.hpp"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace shannon::sim {

void world::at(std::int64_t due_us, std::function<void()> what) {
  queue_.push_back({std::max(due_us, now_us_), planned_++, std::move(what)});
  std::push_heap(queue_.begin(), queue_.end(), later{});
}

bool world::step() {
  if (failure_ || queue_.empty())
    return false;
  std::pop_heap(queue_.begin(), queue_.end(), later{});
  auto next = std::move(queue_.back());
  queue_.pop_back();
  now_us_ = next.due_us;
  ++events_;
  next.what();
  return true;
}

void world::note(std::string_view who, std::string_view text) {
  std::array<std::uint64_t, 2> place{
      hash_, static_cast<std::uint64_t>(now_us_ - start_us)};
  auto seed = XXH3_64bits(place.data(), sizeof place);
  seed = XXH3_64bits_withSeed(who.data(), who.size(), seed);
  hash_ = XXH3_64bits_withSeed(text.data(), text.size(), seed);
  if (trace)
    std::printf("%14.6f  %-10.*s %.*s\n",
                static_cast<double>(now_us_ - start_us) / 1e6,
                static_cast<int>(who.size()), who.data(),
                static_cast<int>(text.size()), text.data());
}

void world::fail(std::string check, std::string text) {
  note("CHECK", check + ": " + text);
  if (!failure_)
    failure_ = {std::move(check), std::move(text), now_us_};
}

} // namespace shannon::sim
