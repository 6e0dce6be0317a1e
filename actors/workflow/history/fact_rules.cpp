#include "actors/workflow/history/fact_rules.hpp"

#include "actors/workflow/engine/operation.hpp"
#include "actors/workflow/history/fact_line.hpp"
#include "protocols/facts/fact.hpp"
#include "protocols/remote/workflow.pb.h"

#include <algorithm>

namespace shannon::history {

namespace {

using facts::to_string;

bool is_end(const facts::Fact& fact) {
  return fact.has_run_completed() || fact.has_run_failed()
         || fact.has_run_cancelled();
}

std::string at(log_version version) {
  return " at version " + std::to_string(version);
}

} // namespace

std::string_view to_string(rule which) noexcept {
  switch (which) {
  case rule::version:
    return "version";
  case rule::checksum:
    return "checksum";
  case rule::body:
    return "body";
  case rule::epoch:
    return "epoch";
  case rule::head:
    return "head";
  case rule::fact:
    return "fact";
  case rule::event:
    return "event";
  case rule::start:
    return "start";
  case rule::step:
    return "step";
  case rule::timer:
    return "timer";
  case rule::child:
    return "child";
  case rule::parked:
    return "parked";
  case rule::end:
    return "end";
  case rule::cancelled:
    return "cancelled";
  }
  return "unknown";
}

void fact_rules::say(rule which, std::string expected, std::string found) {
  sink_({log_, version_, which, std::move(expected), std::move(found)});
}

void fact_rules::take(log_version version, const facts::Fact& fact) {
  version_ = version;
  if (fact.event().type().empty())
    say(rule::event, "an event's type", kind_of(fact) + " without one");
  check_place(fact);
  switch (fact.body_case()) {
  case facts::Fact::kStepStarted:
    on(fact.step_started());
    break;
  case facts::Fact::kAttemptFailed:
    on(fact.attempt_failed());
    break;
  case facts::Fact::kStepCompleted:
    on(fact.step_completed());
    break;
  case facts::Fact::kStepFailed:
    on_outcome(fact.step_failed().step(), fact.step_failed().attempt());
    break;
  case facts::Fact::kTimerSet:
    on(fact.timer_set());
    break;
  case facts::Fact::kTimerFired:
    on(fact.timer_fired(), fact.at_us());
    break;
  case facts::Fact::kChildProgressed:
    on(fact.child_progressed());
    break;
  case facts::Fact::kCancelRequested:
    cancel_requested_ = true;
    break;
  case facts::Fact::kRunParked:
    parked_ = true;
    break;
  case facts::Fact::kRunResumed:
    on(fact.run_resumed());
    break;
  case facts::Fact::kRunContinued:
    on(fact.run_continued());
    break;
  case facts::Fact::kRunCancelled:
    if (!cancel_requested_)
      say(rule::cancelled, "CancelRequested before RunCancelled", "none");
    break;
  default:
    break;
  }
}

/// What may stand where in the log: start, work, end, end of the stream.
void fact_rules::check_place(const facts::Fact& fact) {
  // What came before a new turn need not be kept.
  if (!any_ && !fact.has_run_started()
      && (version_ == 1 || !fact.has_run_continued()))
    say(rule::start, "RunStarted as the first fact", kind_of(fact));
  if (any_ && fact.has_run_started())
    say(rule::start, "RunStarted as the first fact only", "another one");
  any_ = true;
  if (stream_end_ != 0)
    say(rule::end, "nothing after StreamEnded" + at(stream_end_),
        kind_of(fact));
  else if (ended_at_ != 0 && !fact.has_stream_ended())
    say(rule::end, "only StreamEnded after the run's end" + at(ended_at_),
        kind_of(fact));
  else if (ended_at_ == 0 && fact.has_stream_ended())
    say(rule::end, "the run's end before StreamEnded", "none");
  if (is_end(fact) && ended_at_ == 0)
    ended_at_ = version_;
  if (fact.has_stream_ended() && stream_end_ == 0)
    stream_end_ = version_;
}

bool fact_rules::is_due_at(std::int64_t at_us) const {
  return std::any_of(timers_.begin(), timers_.end(),
                     [&](const auto& one) {
                       return !one.second.fired && one.second.due_us == at_us;
                     })
         || std::any_of(steps_.begin(), steps_.end(), [&](const auto& one) {
              return !one.second.ended && one.second.retry_at_us == at_us;
            });
}

// -- steps --------------------------------------------------------------------

void fact_rules::attempt(const facts::StepId& place, std::uint32_t number,
                         const char* what) {
  auto& known = steps_[to_string(place)];
  known.seen = std::max(known.seen, number);
  auto name = what + (" of " + to_string(place));
  if (known.ended)
    say(rule::step, "nothing of " + to_string(place) + " after its outcome",
        name);
  else if (number != known.failed + 1)
    say(rule::step, name + " with attempt " + std::to_string(known.failed + 1),
        "attempt " + std::to_string(number));
}

void fact_rules::on(const facts::StepStarted& fact) {
  attempt(fact.step(), fact.attempt(), "StepStarted");
  auto& known = steps_[to_string(fact.step())];
  if (known.announced == fact.attempt())
    say(rule::step, "each attempt of " + to_string(fact.step()) + " once",
        "attempt " + std::to_string(fact.attempt()) + " started again");
  known.announced = fact.attempt();
}

void fact_rules::on(const facts::AttemptFailed& fact) {
  attempt(fact.step(), fact.attempt(), "AttemptFailed");
  auto& known = steps_[to_string(fact.step())];
  known.failed = fact.attempt();
  known.retry_at_us = fact.retry_at_us();
}

void fact_rules::on_outcome(const facts::StepId& place, std::uint32_t number) {
  attempt(place, number, "outcome");
  steps_[to_string(place)].ended = true;
}

/// A child run is known by what its step gave.
void fact_rules::on(const facts::StepCompleted& fact) {
  on_outcome(fact.step(), fact.attempt());
  remote::ChildResult gave;
  if (fact.effect() == "child" && gave.ParseFromString(fact.output().inline_())
      && !gave.run().empty())
    children_.try_emplace(gave.run(), 0);
}

// -- timers and children ------------------------------------------------------

void fact_rules::on(const facts::TimerSet& fact) {
  auto key = to_string(fact.step()) + (fact.is_deadline() ? ".deadline" : "");
  auto fresh = timers_.emplace(key, timer{fact.due_at_us(), false}).second;
  if (!fresh)
    say(rule::timer, "TimerSet of " + key + " once", "another one");
}

void fact_rules::on(const facts::TimerFired& fact, std::int64_t at_us) {
  auto key = to_string(fact.step());
  auto known = timers_.find(key);
  if (known == timers_.end())
    return say(rule::timer, "TimerSet of " + key + " before it fires", "none");
  auto& set = known->second;
  if (set.fired)
    say(rule::timer, "TimerFired of " + key + " once", "another one");
  if (at_us < set.due_us)
    say(rule::timer,
        "TimerFired of " + key + " not before " + std::to_string(set.due_us)
            + " us",
        std::to_string(at_us) + " us");
  set.fired = true;
}

void fact_rules::on(const facts::ChildProgressed& fact) {
  auto& known = children_[fact.child()];
  if (fact.child_version() != known + 1)
    say(rule::child,
        "version " + std::to_string(known + 1) + " of " + fact.child(),
        "version " + std::to_string(fact.child_version()));
  known = fact.child_version();
}

// -- beginning anew -----------------------------------------------------------

/// What was recorded of some steps is forgotten; their attempts count on.
void fact_rules::on(const facts::RunResumed& fact) {
  if (!parked_)
    say(rule::parked, "RunParked before RunResumed", "none");
  parked_ = false;
  for (const auto& step : fact.forgotten()) {
    auto key = to_string(step);
    auto& known = steps_[key];
    known.failed = std::max(known.seen, known.failed);
    known.ended = false;
    timers_.erase(key);
    timers_.erase(key + ".deadline");
  }
}

/// Steps and timers are of one turn; what children have told is carried over.
void fact_rules::on(const facts::RunContinued& fact) {
  steps_.clear();
  timers_.clear();
  std::map<std::string, std::int64_t> carried;
  for (const auto& child : fact.children())
    carried[child.child()] = child.child_version();
  for (const auto& [child, version] : children_)
    if (version != 0 && carried[child] != version)
      say(rule::child,
          "version " + std::to_string(version) + " of " + child
              + " carried over",
          "version " + std::to_string(carried[child]));
  children_ = std::move(carried);
}

} // namespace shannon::history
