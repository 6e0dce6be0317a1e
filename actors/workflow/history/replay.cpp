#include "actors/workflow/history/replay.hpp"

#include "actors/workflow/engine/events.hpp"
#include "actors/workflow/history/bodies.hpp"
#include "actors/workflow/history/fact_json.hpp"
#include "actors/workflow/history/fact_line.hpp"
#include "protocols/facts/fact.hpp"

#include <algorithm>
#include <utility>

namespace shannon::history {

namespace {

using workflow::durable_run;

/// An agenda is taken this often at most: a run that appends for ever at one
/// moment would never end.
constexpr int turns_max = 1'000;

/// What the run does before it waits for something outside.
void look_ahead(durable_run& run, standing& at, std::int64_t now_us) {
  for (int turn = 0; turn < turns_max; ++turn) {
    auto what = run.next(now_us);
    at.idle = what.idle;
    at.wake_at_us = what.wake_at_us;
    std::move(what.start.begin(), what.start.end(),
              std::back_inserter(at.start));
    bool taken = false;
    for (auto& stop : what.stop) {
      run.stop_taken(stop.key, stop.attempt, now_us);
      taken = taken || stop.owed;
      at.stop.push_back(std::move(stop));
    }
    if (what.append.empty() && !taken)
      return;
    if (what.append.empty())
      continue;
    std::move(what.append.begin(), what.append.end(),
              std::back_inserter(at.append));
    // What a new turn would do is looked at from there.
    if (what.base)
      return;
    run.committed(now_us);
  }
}

void describe(const durable_run& run, standing& at) {
  at.phase = run.state();
  at.status = run.status();
  at.cancelling = run.cancelling();
  at.failure = run.failure().text;
  at.usage = run.usage();
}

} // namespace

facts::RunStarted start_of(const exported_log& log) {
  facts::Fact first;
  if (!log.facts.empty() && first.ParseFromString(log.facts.front().bytes))
    return first.run_started();
  return {};
}

result<standing> stand_at(const exported_log& log, log_version version,
                          const known_program* program, std::int64_t now_us) {
  auto facts = log.recorded();
  std::erase_if(facts,
                [&](const auto& fact) { return fact.version > version; });
  standing at;
  at.version = facts.empty() ? log.header.base.version : facts.back().version;
  auto told = facts;
  for (auto& row : told) {
    facts::Fact fact;
    if (!facts::read_fact(fact, row.bytes))
      continue;
    if (fact.has_run_parked())
      at.mismatch = fact.run_parked();
    row.bytes = bare(std::move(fact)).SerializeAsString();
  }
  // As the facts leave it, whatever a program would make of it.
  durable_run folded{{}, {}};
  if (auto done = folded.replay(told, {}, now_us); !done)
    return tl::unexpected<error>(done.error());
  describe(folded, at);
  if (!program)
    return at;
  auto options = program->options;
  options.look_only = true;
  durable_run run{program->code, std::move(options)};
  if (auto done = run.replay(facts, log.bodies, now_us); !done)
    return tl::unexpected<error>(done.error());
  look_ahead(run, at, now_us);
  auto about = run.describe();
  at.waits.assign(about.waits().begin(), about.waits().end());
  if (run.state() != durable_run::phase::parked)
    at.mismatch.reset();
  for (const auto& fact : at.append)
    if (fact.has_run_parked())
      at.mismatch = fact.run_parked();
  return at;
}

// -- every version ------------------------------------------------------------

namespace {

/// What a program decides by itself; all else comes from outside.
bool is_decision(const facts::Fact& fact) {
  switch (fact.body_case()) {
  case facts::Fact::kTimerSet:
  case facts::Fact::kNoted:
  case facts::Fact::kStepStarted:
  case facts::Fact::kAttributesSet:
  case facts::Fact::kRunContinued:
  case facts::Fact::kRunCompleted:
  case facts::Fact::kRunFailed:
  case facts::Fact::kRunCancelled:
  case facts::Fact::kStreamEnded:
    return true;
  default:
    return false;
  }
}

bool is_outcome(const facts::Fact& fact) {
  return fact.has_step_completed() || fact.has_attempt_failed()
         || fact.has_step_failed();
}

bool is_end(const facts::Fact& fact) {
  return fact.has_run_completed() || fact.has_run_failed()
         || fact.has_run_cancelled() || fact.has_run_continued();
}

/// What must be the same when a fact is decided again: not when, not what
/// clock and chance gave, and of a body what it is, not where it is kept.
std::string essence_of(facts::Fact fact) {
  fact.clear_at_us();
  fact.clear_event();
  if (fact.has_timer_set())
    fact.mutable_timer_set()->clear_due_at_us();
  if (fact.has_noted())
    fact.mutable_noted()->clear_value();
  if (fact.has_run_continued())
    fact.mutable_run_continued()->clear_started_at_us();
  if (auto* body = mutable_body_of(fact);
      body && body->at_case() == facts::Body::kInline)
    body->set_blob(workflow::sha256(std::string{body->inline_()}));
  return fact_json(fact);
}

class walk {
public:
  walk(const exported_log& log, const known_program& program)
      : log_(log), program_(program) {}

  result<std::optional<difference>> run() {
    for (const auto& row : log_.facts) {
      facts::Fact fact;
      if (!facts::read_fact(fact, row.bytes))
        return fail(errc::failed, "version " + std::to_string(row.version)
                                      + " cannot be read");
      facts_.push_back(std::move(fact));
    }
    for (std::size_t next = 1; next <= facts_.size(); ++next) {
      auto found = stand_before(next);
      if (!found || *found)
        return found;
    }
    return std::optional<difference>{};
  }

private:
  /// Stands before the `next`th fact, counted from 0, or after the last.
  result<std::optional<difference>> stand_before(std::size_t next) {
    auto then_us = facts_[next - 1].at_us();
    auto found = stand_before(next, then_us);
    // Time alone may have led from there to the next fact.
    if (found && *found && next < facts_.size()
        && facts_[next].at_us() > then_us)
      found = stand_before(next, facts_[next].at_us());
    return found;
  }

  result<std::optional<difference>> stand_before(std::size_t next,
                                                 std::int64_t now_us) {
    const auto* fact = next < facts_.size() ? &facts_[next] : nullptr;
    auto last = log_.facts[next - 1].version;
    auto at = stand_at(log_, last, &program_, now_us);
    if (!at)
      return tl::unexpected<error>(at.error());
    if (facts_[next - 1].has_run_parked() || at->phase == phase::ended)
      return std::optional<difference>{};
    if (at->mismatch && at->phase == phase::running)
      return std::optional{mismatch(next, *at->mismatch)};
    if (!fact || decides(*at, *fact)
        || (!is_decision(*fact) && takes(*at, *fact, next)))
      return std::optional<difference>{};
    return std::optional{difference{last + 1, fact_line(*fact), told(*at)}};
  }

  bool decides(const standing& at, const facts::Fact& fact) const {
    auto wanted = essence_of(fact);
    return std::any_of(at.append.begin(), at.append.end(),
                       [&](auto& one) { return essence_of(one) == wanted; });
  }

  /// What came from outside comes to a run that goes on, and an outcome to a
  /// step that was asked for.
  bool takes(const standing& at, const facts::Fact& fact,
             std::size_t next) const {
    if (fact.has_cancel_requested() || fact.has_run_parked()
        || fact.has_run_resumed() || fact.has_pause_requested()
        || fact.has_pause_ended())
      return true;
    const auto* place = is_outcome(fact) ? place_of(fact) : nullptr;
    auto key = place ? facts::to_string(*place) : std::string{};
    if (place && was_announced(key, next))
      return true;
    if (std::any_of(at.append.begin(), at.append.end(), is_end))
      return false;
    return !place || at.cancelling
           || std::any_of(at.start.begin(), at.start.end(), [&](auto& one) {
                return facts::to_string(one.step) == key;
              });
  }

  /// An attempt made at most once is not made again by a replay.
  bool was_announced(const std::string& key, std::size_t next) const {
    return std::any_of(facts_.begin(),
                       facts_.begin() + static_cast<std::ptrdiff_t>(next),
                       [&](const auto& fact) {
                         return fact.has_step_started()
                                && facts::to_string(*place_of(fact)) == key;
                       });
  }

  /// At the fact that recorded what is not asked for any more.
  difference mismatch(std::size_t next, const facts::RunParked& parked) const {
    auto place = facts::to_string(parked.step());
    auto version = log_.facts[next - 1].version;
    for (std::size_t i = 0; i < next; ++i)
      if (const auto* at = place_of(facts_[i]);
          at && facts::to_string(*at) == place) {
        version = log_.facts[i].version;
        break;
      }
    return {version, place + " with input " + parked.recorded(),
            place + " with input " + parked.asked()};
  }

  static std::string told(const standing& at) {
    std::string text;
    auto add = [&](const std::string& one) {
      text += (text.empty() ? "" : "; ") + one;
    };
    for (const auto& fact : at.append)
      add(fact_line(fact));
    for (const auto& start : at.start)
      add("start " + start.key);
    return text.empty() ? "nothing: it waits" : text;
  }

  using phase = workflow::durable_run::phase;

  const exported_log& log_;
  const known_program& program_;
  std::vector<facts::Fact> facts_;
};

} // namespace

result<std::optional<difference>>
first_difference(const exported_log& log, const known_program& program) {
  return walk{log, program}.run();
}

} // namespace shannon::history
