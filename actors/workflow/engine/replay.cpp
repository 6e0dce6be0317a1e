// How a run comes back from its log: in one pass, after a look ahead at what
// the log holds of each place.

#include "actors/workflow/engine/run.hpp"

#include <algorithm>

namespace shannon::workflow {

namespace {

bool is_end(const facts::Fact* fact) {
  return fact->has_run_completed() || fact->has_run_failed()
         || fact->has_run_cancelled();
}

} // namespace

result<void>
durable_run::replay(const std::vector<store::recorded_fact>& log,
                    const std::map<store::blob_hash, std::string>& blobs,
                    std::int64_t now_us) {
  now_us_ = now_us;
  auto first = log.empty() ? 1 : log.front().version;
  // What is decided while reading stands after all that is there.
  stored_version_ = decided_version_
      = first - 1 + static_cast<log_version>(log.size());
  google::protobuf::Arena arena;
  std::vector<facts::Fact*> parsed;
  auto read = read_all(log, parsed, arena);
  auto from = read ? *read : 0;
  result<void> done;
  if (!read)
    done = tl::unexpected<error>(read.error());
  base_version_ = first - 1 + static_cast<log_version>(from);
  for (auto i = from; i < parsed.size(); ++i)
    index(*parsed[i], i, first + static_cast<log_version>(i));
  phase_ = phase::running;
  // Nothing is left to decide: only the state is wanted.
  bool ended = std::any_of(parsed.begin(), parsed.end(), is_end);
  if (ended)
    code_ = nullptr;
  recorded_blobs_ = &blobs;
  replaying_ = true;
  for (auto i = from; done && i < parsed.size(); ++i) {
    replay_at_ = i;
    done = apply(*parsed[i], {});
    drain();
  }
  replay_at_ = parsed.size();
  recorded_blobs_ = nullptr;
  places_.forget_facts();
  if (!done) {
    replaying_ = false;
    if (ended)
      phase_ = phase::ended;
    return done;
  }
  replay_ended(now_us);
  return {};
}

/// As much as can be read is; fails at the first fact that cannot. Gives the
/// place where the replay begins.
result<std::size_t>
durable_run::read_all(const std::vector<store::recorded_fact>& log,
                      std::vector<facts::Fact*>& parsed,
                      google::protobuf::Arena& arena) {
  result<std::size_t> from = 0;
  parsed.reserve(log.size());
  for (std::size_t i = 0; i < log.size(); ++i) {
    auto expected = log.front().version + static_cast<log_version>(i);
    if (from && log[i].version != expected)
      from = fail(errc::failed,
                  "version " + std::to_string(expected) + " expected, "
                      + std::to_string(log[i].version) + " found");
    auto* fact = google::protobuf::Arena::CreateMessage<facts::Fact>(&arena);
    parsed.push_back(fact);
    if (!fact->ParseFromString(log[i].bytes)) {
      fact->Clear();
      if (from)
        from = fail(errc::failed, "fact " + std::to_string(log[i].version)
                                      + " cannot be parsed");
    }
    if (i == 0 && log[i].version != 1 && from && !fact->has_run_continued())
      from = fail(errc::failed,
                  "a log from version " + std::to_string(log[i].version)
                      + " on must begin where the run continued as new");
    if (from && fact->has_run_continued())
      from = i;
  }
  return from;
}

void durable_run::index(const facts::Fact& fact, std::size_t at,
                        log_version version) {
  auto step = [&](const auto& recorded) -> slot& {
    auto& known = places_.at(places_.of(recorded.step()));
    known.recorded = true;
    known.input_hash = recorded.input_hash();
    known.attempts_seen = std::max(known.attempts_seen, recorded.attempt());
    return known;
  };
  switch (fact.body_case()) {
  case facts::Fact::kStepCompleted:
    step(fact.step_completed()).fact = &fact;
    break;
  case facts::Fact::kStepFailed:
    step(fact.step_failed()).fact = &fact;
    break;
  case facts::Fact::kAttemptFailed:
    step(fact.attempt_failed());
    break;
  case facts::Fact::kStepStarted:
    step(fact.step_started());
    break;
  case facts::Fact::kNoted:
    places_.at(places_.of(fact.noted().step())).note
        = std::make_unique<std::string>(fact.noted().value());
    break;
  case facts::Fact::kAttributesSet:
    places_.at(places_.of(fact.attributes_set().step())).note
        = std::make_unique<std::string>();
    break;
  case facts::Fact::kTimerSet: {
    auto& known = places_.at(places_.of(fact.timer_set().step()));
    (fact.timer_set().is_deadline() ? known.deadline_us : known.due_us)
        = fact.timer_set().due_at_us();
    break;
  }
  case facts::Fact::kRunParked:
    parked_on_disk_ = true;
    break;
  case facts::Fact::kRunResumed:
    parked_on_disk_ = false;
    resumed_at_ = at + 1;
    resumed_by_ = version;
    forget(fact.run_resumed(), at, version);
    break;
  default:
    break;
  }
}

/// Steps that are asked for anew. Their attempts count on, so that the far
/// side does not take a new one for a repeat.
void durable_run::forget(const facts::RunResumed& fact, std::size_t at,
                         log_version version) {
  for (const auto& step : fact.forgotten()) {
    auto& known = places_.at(places_.of(step));
    slot anew;
    anew.forgotten = known.attempts_seen;
    anew.attempts_seen = known.attempts_seen;
    anew.forgotten_before = at;
    anew.forgotten_by = version;
    known = std::move(anew);
  }
}

/// The program has come as far as the log: what it waits for is live from
/// here on.
void durable_run::replay_ended(std::int64_t now_us) {
  replaying_ = false;
  if (phase_ == phase::parked && cancelling_)
    end_cancelled(); // Its end did not reach the disk.
  std::vector<operation*> open;
  for (auto* op = first_; op; op = op->after_)
    open.push_back(op);
  for (auto* op : open) {
    if (op->kind_ == operation::kind::effect) {
      bool later = op->not_before_us_ > now_us;
      // Also one whose time has not come: an owner of yesterday who does not
      // know it yet will make it when it comes.
      op->made_before_ = !op->takes_key && !op->options.at_most_once
                         && op->barrier_ <= stored_version_;
      // Whoever lost it may have died before it could tell.
      if (phase_ == phase::running)
        stop_lost(*op);
      if (!later && phase_ == phase::running)
        make_ready(*op);
    }
    set_alarm(*op);
  }
  go_on();
}

} // namespace shannon::workflow
