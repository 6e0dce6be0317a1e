#include "actors/gateway/streams/stream_cursor.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace shannon::gateway {

stream_cursor::stream_cursor(log_version after, std::set<std::string> types)
    : seen_(after) {
  types_.insert(std::make_move_iterator(types.begin()),
                std::make_move_iterator(types.end()));
}

bool stream_cursor::wants(std::string_view type) const {
  return types_.empty() || types_.find(type) != types_.end();
}

std::vector<run_event> stream_cursor::live(run_event what) {
  std::vector<run_event> out;
  known_ = std::max(known_, what.version);
  if (ended_ || what.version <= seen_) {
    // A position ahead of the log: nothing is left to come.
    ended_ = ended_ || what.last;
    return out;
  }
  if (what.version == seen_ + 1 && read_once_) {
    take(std::move(what), out);
    take_early(out);
  } else if (early_.size() < early_max) {
    early_.emplace(what.version, std::move(what));
  }
  return out;
}

std::vector<run_event> stream_cursor::stored(const store::fact_page& page) {
  std::vector<run_event> out;
  read_once_ = true;
  known_ = std::max(known_, page.version);
  terminal_ = store::is_terminal(page.status);
  // What is deleted cannot be waited for: the stream begins with what is kept.
  seen_ = std::max(seen_, page.first - 1);
  for (const auto& fact : page.facts) {
    if (ended_)
      break;
    if (fact.version > seen_ + 1)
      break; // A store that skips is read again rather than believed.
    auto what = event_of(fact);
    if (fact.version == seen_ + 1)
      take(std::move(what), out);
    else if (what.last || what.event.type() == "STREAM_END")
      ended_ = true; // The client has seen the end already.
  }
  take_early(out);
  settle();
  return out;
}

void stream_cursor::reaches(log_version version) {
  known_ = std::max(known_, version);
}

void stream_cursor::not_live() {
  live_ = false;
  settle();
}

void stream_cursor::is_live() {
  live_ = true;
}

void stream_cursor::take(run_event what, std::vector<run_event>& out) {
  seen_ = what.version;
  const auto& type = what.event.type();
  bool is_end = what.last || type == "STREAM_END";
  bool is_completion = type == "WORKFLOW_COMPLETED";
  if (wants(type)) {
    completed_ = completed_ || is_completion;
    out.push_back(std::move(what));
  } else if (is_completion && !wants("STREAM_END")) {
    // The client asked for neither: nothing it wants can follow.
    is_end = true;
  }
  ended_ = ended_ || is_end;
}

void stream_cursor::take_early(std::vector<run_event>& out) {
  while (!early_.empty() && !ended_) {
    auto first = early_.begin();
    if (first->first > seen_ + 1)
      return;
    auto what = std::move(first->second);
    early_.erase(first);
    if (what.version == seen_ + 1)
      take(std::move(what), out);
  }
}

void stream_cursor::settle() {
  if (read_once_ && terminal_ && !live_ && known_ <= seen_)
    ended_ = true;
}

} // namespace shannon::gateway
