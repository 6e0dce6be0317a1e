#include "actors/workflow/activation_table.hpp"

#include <algorithm>
#include <utility>

namespace shannon::workflow {

namespace {

using namespace std::chrono_literals;

error not_here(const log_id& log) {
  return {errc::unavailable,
          log.value + ": another node carries this run, or is about to", true,
          1'000ms};
}

} // namespace

activation_table::activation_table(
    std::string kind, limits what, std::uint64_t first_life,
    std::function<bool(const envelope&)> creates,
    std::function<std::optional<shard_epoch>(const log_id&)> claim,
    std::function<bool(const envelope&)> has_room)
    : kind_(std::move(kind)), limits_(what), lives_(first_life),
      creates_(std::move(creates)), claim_(std::move(claim)),
      has_room_(std::move(has_room)) {}

// -- what happens -------------------------------------------------------------

activation_table::orders activation_table::mail(envelope_ptr what, bool lives) {
  orders out;
  log_id log{std::string{what->to.id()}};
  if (log.empty()) {
    out.refusals.push_back(
        {std::move(what),
         {errc::invalid_argument, "mail for " + kind_ + " names no log", false,
          std::nullopt}});
    return out;
  }
  auto at = entries_.find(log);
  bool active
      = at != entries_.end()
        && (at->second.at == phase::reading || at->second.at == phase::live);
  // One that has taken its leave is not reached any more.
  if (active && lives) {
    out.forwards.push_back(std::move(what));
    return out;
  }
  // Token deltas, for one: they must not keep out what is waited for.
  if (what->correlation == 0)
    return out;
  if (!claim_(log)) {
    out.refusals.push_back({std::move(what), not_here(log)});
    return out;
  }
  if (at != entries_.end()) {
    auto& item = at->second;
    if (item.mail.size() >= limits_.waiting_max) {
      out.refusals.push_back(
          {std::move(what),
           {errc::overloaded, "too much mail for one run", true, 1'000ms}});
      return out;
    }
    item.mail.push_back(std::move(what));
    // Somebody waits: it need not wait for those that nobody asks for.
    if (item.at == phase::queued)
      begin(at, false, out);
    return out;
  }
  bool create = creates_(*what);
  std::size_t most = limits_.runs_max;
  if (entries_.size() >= (create ? most : 2 * most)) {
    out.refusals.push_back(
        {std::move(what),
         {errc::overloaded,
          "this node holds " + std::to_string(limits_.runs_max)
              + " active runs, its limit",
          true, 1'000ms}});
    return out;
  }
  if (create && !has_room_(*what)) {
    out.refusals.push_back(
        {std::move(what),
         {errc::overloaded,
          "this node takes no new runs until those it has go on faster", true,
          1'000ms}});
    return out;
  }
  at = entries_.emplace(log, entry{}).first;
  at->second.mail.push_back(std::move(what));
  // Who creates does not ask before: an append to a log that exists is
  // refused, and the log is read then.
  if (create)
    begin(at, false, out);
  else
    out.look_ups.push_back(std::move(log));
  return out;
}

activation_table::orders
activation_table::looked_up(const log_id& log,
                            const std::optional<error>& closed) {
  orders out;
  auto at = entries_.find(log);
  if (at == entries_.end() || at->second.at != phase::looked_up)
    return out;
  if (!closed || may_create(at->second)) {
    begin(at, false, out);
    return out;
  }
  for (auto& mail : at->second.mail)
    out.refusals.push_back({std::move(mail), *closed});
  entries_.erase(at);
  return out;
}

activation_table::orders
activation_table::wanted(const std::vector<log_id>& logs) {
  orders out;
  for (const auto& log : logs) {
    if (!claim_(log))
      continue;
    auto [at, fresh] = entries_.try_emplace(log);
    if (!fresh) {
      // It is active and keeps its own time, or is on its way.
      if (outlived(log, at->second))
        stop(log, at->second, out);
      continue;
    }
    at->second.at = phase::queued;
    turn_.push_back(log);
    ++queued_;
  }
  fill(out);
  return out;
}

activation_table::orders activation_table::settled(const log_id& log,
                                                   std::uint64_t life,
                                                   log_version version) {
  orders out;
  auto at = entries_.find(log);
  if (at == entries_.end() || at->second.life != life
      || at->second.at != phase::reading)
    return out;
  stop_reading(at->second);
  at->second.at = phase::live;
  if (std::exchange(at->second.place, version) != version)
    at->second.rereads = 0;
  if (auto known = failing_.find(log); known != failing_.end()) {
    auto& f = known->second;
    if (f.place != version)
      f.here = 0; // It has got past that place.
    f.place = version;
    f.here += std::exchange(f.unread, 0);
    if (f.here == 0)
      failing_.erase(known);
  }
  fill(out);
  return out;
}

void activation_table::passive(const log_id& log, std::uint64_t life) {
  auto at = entries_.find(log);
  if (at != entries_.end() && at->second.life == life)
    at->second.passive = true;
}

activation_table::orders activation_table::down(const log_id& log,
                                                std::uint64_t life, end how,
                                                std::string why) {
  orders out;
  auto at = entries_.find(log);
  if (at == entries_.end() || at->second.life != life)
    return out; // Of a life before this one.
  auto& item = at->second;
  stop_reading(item);
  if (std::exchange(item.stale, false)) {
    begin(at, false, out);
    fill(out);
    return out;
  }
  switch (how) {
  case end::done:
    item.rereads = 0;
    if (!item.passive)
      failing_.erase(log);
    if (item.mail.empty()) {
      entries_.erase(at);
    } else if (item.passive) {
      begin(at, false, out);
    } else {
      item.at = phase::looked_up;
      out.look_ups.push_back(log);
    }
    break;
  case end::reread:
    item.at = phase::paused;
    out.pauses.push_back({log, ++item.rereads});
    break;
  case end::failed:
    item.at = phase::paused;
    out.pauses.push_back({log, failed(log, std::move(why))});
    break;
  }
  fill(out);
  return out;
}

activation_table::orders activation_table::pause_over(const log_id& log) {
  orders out;
  auto at = entries_.find(log);
  if (at != entries_.end() && at->second.at == phase::paused)
    begin(at, false, out);
  return out;
}

activation_table::orders activation_table::moved() {
  orders out;
  std::vector<log_id> gone;
  for (auto& [log, item] : entries_) {
    bool lives = item.at == phase::reading || item.at == phase::live;
    if (outlived(log, item))
      stop(log, item, out);
    else if (!claim_(log))
      lives ? out.stops.push_back(log) : gone.push_back(log);
  }
  for (const auto& log : gone)
    turn_away(entries_.find(log), out);
  fill(out);
  return out;
}

// -- state --------------------------------------------------------------------

std::vector<envelope_ptr> activation_table::give_up() {
  std::vector<envelope_ptr> all;
  for (auto& [log, item] : entries_)
    for (auto& mail : item.mail)
      all.push_back(std::move(mail));
  entries_.clear();
  turn_.clear();
  queued_ = 0;
  reading_ = 0;
  return all;
}

bool activation_table::active(const log_id& log) const {
  auto at = entries_.find(log);
  return at != entries_.end()
         && (at->second.at == phase::reading || at->second.at == phase::live);
}

// -- pieces -------------------------------------------------------------------

void activation_table::begin(entry_map::iterator at, bool in_turn,
                             orders& what) {
  auto& item = at->second;
  auto epoch = claim_(at->first);
  if (!epoch)
    return turn_away(at, what);
  item.epoch = *epoch;
  if (item.at == phase::queued)
    --queued_;
  item.at = phase::reading;
  item.in_turn = in_turn;
  reading_ += in_turn ? 1 : 0;
  item.passive = false;
  item.life = ++lives_;
  auto park = verdict(at->first);
  // It may have failed before its first fact was on disk: whoever wants it
  // created waits here still.
  bool create = !park && may_create(item);
  start next{at->first, item.life, create, std::move(park)};
  if (auto known = failing_.find(at->first); known != failing_.end()) {
    next.failures = known->second.here + known->second.unread;
    next.last_failure = known->second.last;
  }
  next.mail = std::exchange(item.mail, {});
  what.starts.push_back(std::move(next));
}

void activation_table::turn_away(entry_map::iterator at, orders& what) {
  if (at->second.at == phase::queued)
    --queued_;
  for (auto& mail : at->second.mail)
    what.refusals.push_back({std::move(mail), not_here(at->first)});
  failing_.erase(at->first);
  entries_.erase(at);
}

bool activation_table::outlived(const log_id& log, const entry& item) const {
  if (item.stale || (item.at != phase::reading && item.at != phase::live))
    return false;
  auto epoch = claim_(log);
  return epoch && *epoch != item.epoch;
}

void activation_table::stop(const log_id& log, entry& item, orders& what) {
  item.stale = true;
  what.stops.push_back(log);
}

void activation_table::stop_reading(entry& item) {
  if (std::exchange(item.in_turn, false))
    --reading_;
}

void activation_table::fill(orders& what) {
  while (reading_ < limits_.reading_max && !turn_.empty()
         && entries_.size() - queued_ < 2ull * limits_.runs_max) {
    auto at = entries_.find(turn_.front());
    turn_.pop_front();
    if (at != entries_.end() && at->second.at == phase::queued)
      begin(at, true, what);
  }
}

bool activation_table::may_create(const entry& item) const {
  return std::any_of(item.mail.begin(), item.mail.end(),
                     [this](const auto& mail) { return creates_(*mail); });
}

std::optional<park_order> activation_table::verdict(const log_id& log) const {
  auto known = failing_.find(log);
  if (known == failing_.end())
    return std::nullopt;
  const auto& f = known->second;
  if (f.here + f.unread < limits_.failures_max)
    return std::nullopt;
  park_order order;
  // Some of the failures were before it could say how far it had got.
  if (f.unread < limits_.failures_max)
    order.at = f.place;
  order.reason = "failed " + std::to_string(f.here + f.unread)
                 + " times at one place; see the log of this node";
  return order;
}

/// How often in a row.
std::uint32_t activation_table::failed(const log_id& log, std::string why) {
  auto [at, fresh] = failing_.try_emplace(log);
  if (fresh)
    at->second.since = ++failures_seen_;
  at->second.last = std::move(why);
  auto count = at->second.here + ++at->second.unread;
  if (failing_.size() > limits_.failing_max)
    failing_.erase(std::min_element(failing_.begin(), failing_.end(),
                                    [](const auto& a, const auto& b) {
                                      return a.second.since < b.second.since;
                                    }));
  return count;
}

} // namespace shannon::workflow
