#include "actors/inspector/run_rows.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace shannon::inspector {

namespace {

using wall_time = std::chrono::system_clock::time_point;

constexpr std::array<std::string_view, 5> phases{"running", "parked", "rests",
                                                 "unread", "ended"};

wall_time time_of(std::int64_t us) {
  return wall_time{std::chrono::microseconds{us}};
}

} // namespace

seen_run run_of(const store::open_log_row& row) {
  seen_run run;
  run.log = row.log;
  run.kind = row.kind;
  run.parent = row.parent;
  run.since = row.updated_at;
  run.wake_at = row.schedule.wake_at;
  run.version = row.version;
  if (store::is_terminal(row.status)) {
    run.phase = "ended";
    run.waits_for = "its parent to take that it has ended";
  } else if (row.status == store::log_status::needs_operator) {
    run.phase = "parked";
    run.waits_for = "a person: shannon why " + row.log.value;
  } else if (row.schedule.idle) {
    run.phase = "rests";
    run.waits_for
        = run.wake_at ? "a timer, a signal or mail" : "a signal or mail";
  } else {
    run.phase = "unread";
    run.waits_for = "its turn to be read";
  }
  return run;
}

std::string wait_text(const remote::Wait& wait) {
  if (wait.kind() == "signal")
    return "signal " + wait.what();
  auto text = wait.kind() + " " + wait.key();
  if (wait.kind() != "effect")
    return text;
  text += " (" + wait.what() + "), attempt "
          + std::to_string(std::max(wait.attempt(), 1U));
  return wait.under_way() ? text + ", under way" : text;
}

void describe(seen_run& run, const remote::RunDescription& live) {
  run.phase = live.phase();
  run.version = live.version();
  if (live.phase() == "parked")
    run.waits_for = "a person: " + live.failure();
  else if (live.waits().empty())
    run.waits_for = "nothing: it is about to go on";
  else
    run.waits_for = wait_text(live.waits(0));
  if (live.waits_size() > 1)
    run.waits_for += ", and " + std::to_string(live.waits_size() - 1) + " more";
  std::int64_t earliest = 0;
  for (const auto& one : live.waits()) {
    run.waits.push_back({one.kind(), one.key(), one.what(),
                         time_of(one.since_us()), time_of(one.due_us()),
                         one.run()});
    if (one.due_us() != 0 && (earliest == 0 || one.due_us() < earliest))
      earliest = one.due_us();
  }
  run.wake_at.reset();
  if (earliest != 0)
    run.wake_at = time_of(earliest);
}

result<std::optional<std::int64_t>> first_of(const get_runs& wanted) {
  if (!wanted.phase.empty()
      && std::find(phases.begin(), phases.end(), wanted.phase) == phases.end())
    return fail(errc::invalid_argument,
                "phase: expected one of running, parked, rests, unread, ended; "
                "found \""
                    + wanted.phase + "\"");
  if (wanted.limit < 1 || wanted.limit > get_runs::runs_max)
    return fail(errc::invalid_argument,
                "limit: expected 1 to " + std::to_string(get_runs::runs_max)
                    + "; found " + std::to_string(wanted.limit));
  const auto& text = wanted.cursor;
  if (text.empty())
    return std::optional<std::int64_t>{};
  std::int64_t first = 0;
  const auto* end = text.data() + text.size();
  auto [stop, code] = std::from_chars(text.data(), end, first, 16);
  if (code != std::errc{} || stop != end)
    return fail(errc::invalid_argument,
                "cursor: expected the `next` of the page before; found \""
                    + text + "\"");
  return std::optional{first};
}

} // namespace shannon::inspector
