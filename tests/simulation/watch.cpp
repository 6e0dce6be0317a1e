#include "tests/simulation/watch.hpp"

#include "actors/workflow/engine/events.hpp"
#include "actors/workflow/engine/operation.hpp"
#include "actors/workflow/history/log_checker.hpp"
#include "protocols/remote/tool.pb.h"

#include <algorithm>
#include <utility>

namespace shannon::sim {

namespace {

using facts::to_string;

/// A cancel reaches what runs within a second; what is stopped has this long.
constexpr std::int64_t cancel_reach_us = 1'000'000;
constexpr std::int64_t cancel_stop_us = 5'000'000;
/// A timer of a well world is on disk so soon after it is due.
constexpr std::int64_t timer_late_us = 5'000'000;

std::string attempt_key(const ledger_entry& what) {
  return what.log.value + "/" + what.key + "/" + std::to_string(what.attempt);
}

} // namespace

std::string name_of(const facts::Fact& fact) {
  const auto* field = facts::Fact::descriptor()->FindFieldByNumber(
      static_cast<int>(fact.body_case()));
  std::string name = field ? field->message_type()->name() : "?";
  auto at = [&](const facts::StepId& id) { return name + " " + to_string(id); };
  if (fact.has_step_completed())
    return at(fact.step_completed().step());
  if (fact.has_step_started())
    return at(fact.step_started().step());
  if (fact.has_attempt_failed())
    return at(fact.attempt_failed().step());
  if (fact.has_step_failed())
    return at(fact.step_failed().step());
  if (fact.has_timer_set())
    return at(fact.timer_set().step());
  if (fact.has_timer_fired())
    return at(fact.timer_fired().step());
  if (fact.has_signal_received())
    return name + " " + fact.signal_received().name() + "/"
           + fact.signal_received().signal_id();
  return name;
}

// -- what reaches the disk ----------------------------------------------------

void watch::committed(const statement_entry& what) {
  const auto& log = what.what.log;
  auto& seen = of(log);
  auto owner = db_.epoch(what.shard);
  if (what.epoch != owner)
    everything_.fail("I3 epochs", log.value + ": appended under epoch "
                                      + std::to_string(what.epoch)
                                      + " while the shard was at "
                                      + std::to_string(owner));
  if (!seen.started)
    seen.since_us = everything_.now_us();
  seen.until_us = everything_.now_us();
  std::string names;
  for (const auto& bytes : what.what.facts) {
    facts::Fact fact;
    if (!fact.ParseFromString(bytes))
      return everything_.fail("I4 fold", log.value + ": not a fact");
    take(log, seen, fact);
    names += " " + name_of(fact);
  }
  everything_.note("database",
                   log.value + " v" + std::to_string(what.wanted.version)
                       + " under epoch " + std::to_string(what.epoch) + names);
}

void watch::take(const log_id& log, history& seen, const facts::Fact& fact) {
  auto bad = [&](const char* check, const std::string& text) {
    everything_.fail(check, log.value + ": " + text);
  };
  auto ends = [&](const facts::StepId& id) {
    auto& at = seen.steps[to_string(id)];
    if (std::exchange(at.ended, true))
      bad("I5 a step ends once", to_string(id) + " ends again");
  };
  switch (fact.body_case()) {
  case facts::Fact::kRunStarted:
    if (std::exchange(seen.started, true))
      bad("I7 exists once", "started again");
    break;
  case facts::Fact::kStepStarted:
    seen.steps[to_string(fact.step_started().step())].announced
        = fact.step_started().attempt();
    break;
  case facts::Fact::kAttemptFailed: {
    const auto& failed = fact.attempt_failed();
    seen.steps[to_string(failed.step())].failed = failed.attempt();
    everything_.seen.hit("attempt that failed is tried again");
    break;
  }
  case facts::Fact::kStepCompleted:
    ends(fact.step_completed().step());
    take_outcome(log, fact.step_completed());
    break;
  case facts::Fact::kStepFailed:
    ends(fact.step_failed().step());
    everything_.seen.hit("step that failed for good");
    break;
  case facts::Fact::kTimerSet:
    if (!fact.timer_set().is_deadline())
      seen.timers_due_us[to_string(fact.timer_set().step())]
          = fact.timer_set().due_at_us();
    break;
  case facts::Fact::kTimerFired:
    take_timer_fired(log, seen, to_string(fact.timer_fired().step()));
    break;
  case facts::Fact::kSignalReceived: {
    auto id = fact.signal_received().name() + "/"
              + fact.signal_received().signal_id();
    if (++seen.signals[id] > 1)
      bad("signals: once", id + " is in the log twice");
    break;
  }
  case facts::Fact::kCancelRequested:
    seen.cancelled_at_us = everything_.now_us();
    for (const auto& [key, at] : seen.steps)
      if (at.failed != 0 && !at.ended)
        everything_.seen.hit("cancel while a step waits for its next attempt");
    everything_.seen.hit("run cancelled");
    break;
  case facts::Fact::kRunCompleted:
  case facts::Fact::kRunFailed:
  case facts::Fact::kRunCancelled:
    if (std::exchange(seen.ended, true))
      bad("I5 a step ends once", "the run ends again");
    check_given_up(log);
    everything_.seen.hit(fact.has_run_completed() ? "run completed"
                         : fact.has_run_failed()  ? "run failed"
                                                  : "run ended cancelled");
    break;
  case facts::Fact::kRunContinued:
    everything_.seen.hit("run begins anew");
    check_given_up(log);
    ++seen.turn;
    seen.steps.clear();
    seen.timers_due_us.clear();
    seen.timers_fired.clear();
    break;
  case facts::Fact::kRunParked:
    seen.parked = true;
    bad("I24 replay", "parked: " + fact.run_parked().reason() + ", recorded "
                          + fact.run_parked().recorded() + ", asked "
                          + fact.run_parked().asked());
    break;
  default:
    break;
  }
}

/// Nobody reads what is behind an end or a new turn: whom the run has given up
/// must have on its own disk that it is to stop.
void watch::check_given_up(const log_id& log) {
  auto known = given_up_.find(log);
  if (known == given_up_.end())
    return;
  for (const auto& id : known->second)
    if (const auto* child = db_.find(id); child->birth.parent == log
                                          && !store::is_terminal(child->status)
                                          && of(id).cancelled_at_us == 0)
      everything_.fail("I11 cancel",
                       id.value + " goes on and is not told to stop");
}

/// What is recorded is what this attempt at this step gave.
void watch::take_outcome(const log_id& log, const facts::StepCompleted& done) {
  if (done.effect() != "tool")
    return;
  auto bytes = done.output().inline_();
  if (done.output().at_case() == facts::Body::kBlob)
    if (auto at = db_.blobs().find(done.output().blob());
        at != db_.blobs().end())
      bytes = at->second;
  remote::ToolResult result;
  result.ParseFromString(bytes);
  auto number = ledger_number(result.output());
  auto place = to_string(done.step());
  if (number == 0 || number > effects_.ledger().size())
    return; // Its body is missing: the history checker says so.
  const auto& made = effects_.ledger()[number - 1];
  auto& tries = attempts_[attempt_key(made)];
  if (tries.begun > 1 && !done.possible_repeat())
    everything_.fail("I6 effects", attempt_key(made)
                                       + " reached the world twice, and its "
                                         "outcome does not say so");
  if (made.log != log || made.step != place || made.attempt != done.attempt())
    everything_.fail("I5 outcomes", log.value + "/" + place + "/"
                                        + std::to_string(done.attempt())
                                        + " is recorded with what "
                                        + attempt_key(made) + " gave");
}

void watch::works(const std::string& node, const log_id& log,
                  std::int64_t lease_until_us) {
  if (lease_until_us <= everything_.now_us())
    everything_.fail("I17 owners",
                     node + " works on " + log.value
                         + ", and its lease has run out "
                         + std::to_string(everything_.now_us() - lease_until_us)
                         + " us ago");
}

void watch::take_timer_fired(const log_id& log, history& seen,
                             const std::string& key) {
  auto due = seen.timers_due_us.find(key);
  auto now = everything_.now_us();
  if (due == seen.timers_due_us.end())
    return everything_.fail("I14 timers", log.value + ": " + key
                                              + " fired and was never set");
  if (!seen.timers_fired.insert(key).second)
    everything_.fail("I14 timers", log.value + ": " + key + " fired twice");
  if (now < due->second)
    everything_.fail("I14 timers", log.value + ": " + key + " fired "
                                       + std::to_string(due->second - now)
                                       + " us before it was due");
  auto from = std::max(due->second, everything_.well_at_us);
  if (everything_.healed && now - from > timer_late_us)
    everything_.fail("I14 timers", log.value + ": " + key + " fired "
                                       + std::to_string(now - from)
                                       + " us late in a well world");
}

// -- lives --------------------------------------------------------------------

void watch::activated(const log_id& log, const std::string& node,
                      std::uint64_t life) {
  auto& seen = of(log);
  if (seen.life_open)
    everything_.seen.hit("two lives of one run at once");
  began_[life] = ++moments_;
  seen.life = life;
  seen.life_open = true;
  seen.told = 0;
  everything_.note(node, log.value + " comes to life");
}

void watch::rested(const log_id& log, std::uint64_t life) {
  auto& seen = of(log);
  for (const auto& entry : effects_.ledger())
    if (entry.log == log && entry.life == life && entry.open
        && stopped_.count(attempt_key(entry)) == 0
        && !seen.steps[entry.step].ended
        && seen.steps[entry.step].failed < entry.attempt)
      everything_.fail("I6 effects", log.value + " rests while "
                                         + attempt_key(entry)
                                         + " is under way");
  rested_[life] = ++moments_;
}

void watch::lost(const log_id& log, std::uint64_t life) {
  auto& seen = of(log);
  if (seen.life == life)
    seen.life_open = false;
}

void watch::unreadable(const log_id& log, const std::string& why) {
  everything_.fail("I4 fold", log.value + " cannot be replayed: " + why);
}

// -- effects ------------------------------------------------------------------

void watch::effect_asked(const ledger_entry& what, log_version known) {
  auto bad = [&](const char* check, const std::string& text) {
    everything_.fail(check, attempt_key(what) + " " + text);
  };
  auto& known_lives = attempts_[attempt_key(what)].lives;
  if (!known_lives.insert(what.life).second)
    bad("I6 effects", "is started twice by one life of its run");
  for (auto life : known_lives)
    if (auto rest = rested_.find(life);
        rest != rested_.end() && rest->second < began_[what.life])
      bad("I6 effects", "is started again, and its run rested meanwhile");
  auto& seen = of(what.log);
  const auto* log = db_.find(what.log);
  if (!log)
    return bad("I6 effects", "is started by a run that is not on disk");
  // Places are of one turn; one that has missed the end of its turn is judged
  // by nothing here.
  if (what.order.turn != seen.turn)
    return;
  for (const auto& cause : what.order.after)
    if (!seen.steps[cause].ended && seen.timers_fired.count(cause) == 0)
      bad("I6 effects",
          "is started before " + cause + ", which led to it, is on disk");
  const auto& at = seen.steps[what.step];
  if (what.order.clean_up && seen.cancelled_at_us != 0)
    everything_.seen.hit("clean-up behind a cancel");
  if (what.order.once && at.announced != what.attempt)
    bad("I6 effects", "may be made once only, and no record says it was");
  // What its run cannot know yet is no fault of it.
  if (log->tail.version != known)
    return;
  if (at.ended)
    bad("I5 a step ends once", "is started, and its step has ended");
  if (at.failed + 1 != what.attempt)
    bad("I6 effects", "is started, and attempt " + std::to_string(at.failed)
                          + " failed last");
  if (seen.ended)
    bad("I5 a step ends once", "is started, and its run has ended");
  if (seen.cancel_told_us != 0 && !what.order.clean_up
      && everything_.now_us() > seen.cancel_told_us + cancel_reach_us)
    bad("I11 cancel", "is started after its cancel was acknowledged");
  if (db_.epoch(what.shard) != what.epoch)
    everything_.seen.hit("effect started by an owner of yesterday");
}

void watch::effect_begins(const ledger_entry& what) {
  auto key = attempt_key(what);
  auto& known = attempts_[key];
  if (++known.begun == 1)
    known.order = what.order;
  if (known.order.number != what.order.number
      || known.order.turn != what.order.turn)
    everything_.fail("I6 effects", key + " stands for two different steps");
  if (known.begun > known.lives.size())
    everything_.fail("I6 effects", key
                                       + " reached the world oftener than "
                                         "lives of its run wanted it");
  if (known.begun > 1)
    everything_.seen.hit("attempt that reached the world twice");
  if (what.order.once && known.begun > 1)
    everything_.fail("I6 effects", key + " was made twice, and may be once");
}

void watch::stopped(const log_id& log, const std::string& key,
                    std::uint32_t attempt) {
  everything_.seen.hit("effect told to stop");
  everything_.note(log.value, "stops " + key);
  stopped_.insert(log.value + "/" + key + "/" + std::to_string(attempt));
}

/// One that is not born yet is not there to be told.
void watch::given_up(const log_id& parent, const log_id& child) {
  if (db_.find(child))
    given_up_[parent].insert(child);
}

void watch::wrong_outcome(const std::string& asked, const std::string& got) {
  everything_.fail("I5 outcomes",
                   "a program asked for " + asked + " and was given " + got);
}

void watch::signal_skipped(const std::string& name, std::uint64_t expected,
                           std::uint64_t got) {
  // A life that has missed the last appends may take what was sent to it too
  // early; nobody will ever hear of that.
  if (replaying_)
    everything_.fail("signals: in order", "signal " + std::to_string(expected)
                                              + " of " + name
                                              + " should come next, and "
                                              + std::to_string(got) + " did");
}

void watch::claimed(std::uint32_t shard, shard_epoch epoch,
                    const node_id& owner) {
  if (!claims_.insert({shard, epoch}).second)
    everything_.fail("I17 owners", owner.value + " owns shard "
                                       + std::to_string(shard) + " under epoch "
                                       + std::to_string(epoch)
                                       + ", under which another did");
}

// -- what is told -------------------------------------------------------------

void watch::told(const log_id& log, std::uint64_t life, log_version version,
                 const facts::Fact& fact) {
  auto& seen = of(log);
  const auto* stored = db_.find(log);
  if (!stored || stored->rows.size() < static_cast<std::size_t>(version)
      || stored->rows[static_cast<std::size_t>(version - 1)].fact
             != fact.SerializeAsString())
    return everything_.fail("I8 events", log.value + ": version "
                                             + std::to_string(version)
                                             + " is told and not on disk");
  if (seen.life == life) {
    if (seen.told != 0 && version != seen.told + 1)
      everything_.fail("I8 events",
                       log.value + ": version " + std::to_string(version)
                           + " is told after " + std::to_string(seen.told));
    seen.told = version;
  }
}

void watch::answer(const mail& what, mail::answer how) {
  auto& seen = of(what.to);
  auto bad = [&](const char* check, const std::string& text) {
    everything_.fail(check, what.to.value + ": " + text);
  };
  if (how == mail::answer::done) {
    switch (what.what) {
    case mail::kind::start:
      if (!seen.started)
        bad("I7 exists once", "accepted, and not on disk");
      break;
    case mail::kind::signal:
      if (seen.signals[what.name + "/" + what.id] == 0)
        bad("signals: once",
            what.name + "/" + what.id + " acknowledged, and not on disk");
      break;
    case mail::kind::cancel:
      if (seen.cancelled_at_us == 0)
        bad("I11 cancel", "acknowledged, and not on disk");
      if (seen.cancel_told_us == 0)
        seen.cancel_told_us = everything_.now_us();
      break;
    case mail::kind::child_ended:
      break;
    }
  }
  if (what.reply)
    what.reply(how);
}

/// What a cancel must have reached by now.
void watch::look_around() {
  for (const auto& entry : effects_.ledger()) {
    if (!entry.open || entry.order.clean_up
        || stopped_.count(attempt_key(entry)) != 0)
      continue;
    const auto& seen = of(entry.log);
    if (seen.cancel_told_us != 0 && seen.life == entry.life && seen.life_open
        && everything_.now_us() > seen.cancel_told_us + cancel_stop_us
        && everything_.now_us() > entry.began_us + cancel_stop_us)
      everything_.fail("I11 cancel",
                       attempt_key(entry) + " goes on after its cancel");
  }
}

double watch::hours_of(const log_id& log) const {
  auto at = logs_.find(log);
  if (at == logs_.end())
    return 0;
  return static_cast<double>(at->second.until_us - at->second.since_us) / 3.6e9;
}

// -- at the end ---------------------------------------------------------------

void watch::finish(const workflow::program& program,
                   const workflow::run_options& options) {
  for (const auto& [id, log] : db_.logs())
    check_end(id, program, options);
}

void watch::check_end(const log_id& id, const workflow::program& program,
                      const workflow::run_options& options) {
  const auto& log = *db_.find(id);
  auto& seen = of(id);
  if (!seen.ended && !seen.parked)
    everything_.fail("I10 progress",
                     id.value + " has neither ended nor parked");
  shannon::history::head_row head{log.tail, log.epoch, log.status};
  head.has_parent = !log.birth.parent.empty();
  if (!store::is_terminal(log.status) || log.owes_end)
    head.schedule = log.schedule;
  shannon::history::log_checker checker{
      id, head, [&](shannon::history::finding found) {
        auto rule = std::string{to_string(found.which)};
        auto check = rule == "version"    ? "I1 gapless"
                     : rule == "checksum" ? "I2 chain"
                     : rule == "epoch"    ? "I3 epochs"
                     : rule == "head"     ? "I4 fold"
                     : rule == "step"     ? "I5 a step ends once"
                     : rule == "timer"    ? "I14 timers"
                                          : "history";
        everything_.fail(check, id.value + " v" + std::to_string(found.version)
                                    + ", rule " + rule + ": expected "
                                    + found.expected + ", found "
                                    + found.found);
      }};
  shannon::history::stored_bodies bodies;
  for (const auto& row : log.rows)
    for (const auto& hash : row.bodies)
      if (auto at = db_.blobs().find(hash); at != db_.blobs().end())
        bodies[hash] = workflow::sha256(at->second);
  for (const auto& row : log.rows)
    checker.take(row, bodies);
  checker.finish();
  check_replay(id, program, options);
}

/// The program of today, on the log alone, asks for what was recorded and
/// comes to the same end.
void watch::check_replay(const log_id& id, const workflow::program& program,
                         const workflow::run_options& options) {
  const auto& log = *db_.find(id);
  std::vector<store::recorded_fact> facts;
  facts::Fact end;
  for (const auto& row : log.rows) {
    facts::Fact fact;
    fact.ParseFromString(row.fact);
    if (fact.has_run_completed() || fact.has_run_failed()
        || fact.has_run_cancelled())
      end = fact;
    else if (row.version > log.base.version && !fact.has_stream_ended())
      facts.push_back({row.version, {}, row.fact});
  }
  auto wrong = [&](const std::string& text) {
    everything_.fail("I4 fold",
                     id.value + ": replayed without its end, " + text);
  };
  workflow::durable_run again{program, options};
  auto now = everything_.now_us();
  replaying_ = true;
  if (auto read = again.replay(facts, db_.blobs(), now); !read)
    return wrong("it cannot be read: " + read.error().text);
  for (int i = 0; i < 10; ++i) {
    auto next = again.next(now);
    if (!next.start.empty())
      return wrong("it starts " + next.start.front().key);
    for (auto& fact : next.append)
      if (fact.has_run_completed() || fact.has_run_failed()
          || fact.has_run_cancelled()) {
        auto same = [](facts::Fact one) {
          one.clear_at_us();
          return one.SerializeAsString();
        };
        if (same(fact) != same(end))
          wrong("it ends otherwise: " + fact.ShortDebugString().substr(0, 200)
                + " instead of " + end.ShortDebugString().substr(0, 200));
        return;
      } else {
        return wrong("it goes on with " + name_of(fact));
      }
    if (!next.append.empty())
      again.committed(now);
    for (const auto& stop : next.stop)
      again.stop_taken(stop.key, stop.attempt, now);
  }
  wrong("it does not end");
}

} // namespace shannon::sim
