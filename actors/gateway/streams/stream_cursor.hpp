#pragma once

#include "actors/gateway/resources/run_events.hpp"
#include "protocols/ids.hpp"
#include "protocols/store.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::gateway {

/// Where a client stands in a run's log, and what it gets next: merges stored
/// facts with live events into one sequence by version, without gap or repeat.
///
/// The store is the truth; live events only save reading it. So whatever comes
/// too early is kept only within a bound, and what was dropped is read again.
/// Pure: knows no actor, socket or clock.
class stream_cursor {
public:
  /// Live events kept while older ones are still being read.
  static constexpr std::size_t early_max = 256;

  /// `types` empty: all.
  stream_cursor(log_version after, std::set<std::string> types);

  // -- what happens -----------------------------------------------------------

  /// Takes an event from the WORKFLOW. Returns what the client gets now.
  std::vector<run_event> live(run_event what);

  /// Takes a page that was read after `read_after()`.
  std::vector<run_event> stored(const store::fact_page& page);

  /// The log is known to reach this far.
  void reaches(log_version version);

  /// Nobody runs this task any more: the log has all there will be, once its
  /// status says so.
  void not_live();

  /// Somebody does.
  void is_live();

  // -- what to do -------------------------------------------------------------

  /// There is something in the store that the client has not seen.
  bool wants_read() const noexcept {
    return !ended_ && (!read_once_ || known_ > seen_);
  }

  /// Where to read from. The first read begins one fact early: the fact the
  /// client saw last may have been the end.
  log_version read_after() const noexcept {
    return read_once_ || seen_ == 0 ? seen_ : seen_ - 1;
  }

  /// The client has all it will ever get: close.
  bool ended() const noexcept {
    return ended_;
  }

  /// WORKFLOW_COMPLETED was handed out; the end should follow soon.
  bool completed() const noexcept {
    return completed_;
  }

  /// May a token delta be shown? Only to who is up to date: for others the
  /// answer's recorded text is on its way.
  bool takes_deltas() const noexcept {
    return takes_passing("LLM_PARTIAL");
  }
  /// The same for any event that is told and not recorded.
  bool takes_passing(std::string_view type) const {
    return !ended_ && read_once_ && known_ <= seen_ && wants(type);
  }

  /// Version of the last event before here, shown or filtered out.
  log_version seen() const noexcept {
    return seen_;
  }

private:
  bool wants(std::string_view type) const;
  void take(run_event what, std::vector<run_event>& out);
  void take_early(std::vector<run_event>& out);
  void settle();

  log_version seen_;
  /// The highest version known to exist.
  log_version known_ = 0;
  std::set<std::string, std::less<>> types_;
  std::map<log_version, run_event> early_;
  bool read_once_ = false;
  bool live_ = true;
  bool terminal_ = false;
  bool completed_ = false;
  bool ended_ = false;
};

} // namespace shannon::gateway
