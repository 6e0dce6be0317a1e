#include "nodes/memory_watch.hpp"

#include "actors/kit/log.hpp"

#include <fstream>
#include <unistd.h>

namespace shannon::nodes {

namespace {

constexpr std::chrono::milliseconds look_every{250};

} // namespace

std::uint64_t resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

bool memory_watch::has_room(clock::time_point now) {
  if (most_ == 0)
    return true;
  auto at = looked_at_.load();
  auto due = clock::time_point{clock::duration{at}} + look_every;
  // One of those who ask at a time looks.
  if ((at == 0 || now >= due)
      && looked_at_.compare_exchange_strong(at,
                                            now.time_since_epoch().count())) {
    auto used = resident_();
    auto full = used > most_;
    if (full_.exchange(full) != full)
      kit::log::warning(full ? "memory-full" : "memory-free",
                        full ? "node begins no new task, its memory is used up"
                             : "node begins tasks again",
                        {{"bytes", used}, {"most", most_}});
  }
  return !full_;
}

} // namespace shannon::nodes
