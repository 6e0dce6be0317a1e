#include "actors/workflow/due_watch.hpp"

#include <algorithm>

namespace shannon::workflow {

std::optional<due_watch::moment>
due_watch::expect(due_time at, due_time database_now, moment now) {
  auto wait = std::max(std::chrono::duration_cast<duration>(at - database_now),
                       duration{0});
  if (wait >= limits_.look_at_least)
    return std::nullopt; // A look before that names it as the next.
  auto then = now + wait;
  if (next_ && *next_ <= then)
    return std::nullopt;
  next_ = then;
  return then;
}

due_watch::moment due_watch::looked(const store::due_logs& found,
                                    std::size_t fresh, moment now) {
  auto then = now + limits_.look_at_least;
  if (found.next) {
    // By the database's clock alone: it says what is due.
    auto wait = std::chrono::duration_cast<duration>(*found.next - found.now);
    then = std::min(then, now + std::max(wait, limits_.pause_min));
  }
  // All that it named is awake already and works: the rows change when that
  // is done, and asking faster does not help.
  if (!found.logs.empty() && fresh == 0) {
    bool hidden = found.next && *found.next <= found.now;
    auto again = retry(now);
    then = hidden ? again : std::min(then, again);
  } else {
    pause_ = duration{0};
  }
  next_ = then;
  return then;
}

due_watch::moment due_watch::failed(moment now) {
  return retry(now);
}

due_watch::moment due_watch::retry(moment now) {
  pause_ = std::clamp(2 * pause_, limits_.pause_min, limits_.pause_max);
  next_ = now + pause_;
  return *next_;
}

} // namespace shannon::workflow
