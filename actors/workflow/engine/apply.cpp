// How facts become state: what `durable_run` does with what is on disk, the
// same for a fact just appended and for one read back years later.

#include "actors/workflow/engine/context.hpp"
#include "actors/workflow/engine/run.hpp"

#include <algorithm>

namespace shannon::workflow {

namespace {

bool is_end(const facts::Fact& fact) {
  return fact.has_run_completed() || fact.has_run_failed()
         || fact.has_run_cancelled();
}

} // namespace

result<void>
durable_run::replay(const std::vector<store::recorded_fact>& log,
                    const std::map<store::blob_hash, std::string>& blobs,
                    std::int64_t now_us) {
  now_us_ = now_us;
  // What is decided while reading stands after all that is there.
  stored_version_ = decided_version_ = static_cast<log_version>(log.size());
  std::vector<facts::Fact> parsed(log.size());
  auto done = read_all(log, parsed);
  phase_ = phase::running;
  // Nothing is left to decide: only the state is wanted.
  bool ended = std::any_of(parsed.begin(), parsed.end(), is_end);
  if (ended)
    code_ = nullptr;
  recorded_blobs_ = &blobs;
  replaying_ = true;
  for (std::size_t i = 0; done && i < parsed.size(); ++i) {
    done = apply(parsed[i], {});
    drain();
  }
  replaying_ = false;
  recorded_blobs_ = nullptr;
  if (!done) {
    if (ended)
      phase_ = phase::ended;
    return done;
  }
  if (phase_ == phase::parked && cancelling_)
    end_cancelled(); // Its end did not reach the disk.
  go_on();
  return {};
}

/// As much as can be read is; fails at the first fact that cannot.
result<void> durable_run::read_all(const std::vector<store::recorded_fact>& log,
                                   std::vector<facts::Fact>& parsed) {
  result<void> all;
  for (std::size_t i = 0; i < log.size(); ++i) {
    if (all && log[i].version != static_cast<log_version>(i + 1))
      all = fail(errc::failed, "version " + std::to_string(i + 1)
                                   + " expected, "
                                   + std::to_string(log[i].version) + " found");
    if (parsed[i].ParseFromString(log[i].bytes))
      index(parsed[i]);
    else if (all)
      all = fail(errc::failed,
                 "fact " + std::to_string(i + 1) + " cannot be parsed");
  }
  return all;
}

void durable_run::index(const facts::Fact& fact) {
  switch (fact.body_case()) {
  case facts::Fact::kStepCompleted:
    recorded_hashes_[to_string(fact.step_completed().step())]
        = fact.step_completed().input_hash();
    break;
  case facts::Fact::kAttemptFailed:
    recorded_hashes_[to_string(fact.attempt_failed().step())]
        = fact.attempt_failed().input_hash();
    break;
  case facts::Fact::kStepFailed:
    recorded_hashes_[to_string(fact.step_failed().step())]
        = fact.step_failed().input_hash();
    break;
  case facts::Fact::kNoted:
    notes_[to_string(fact.noted().step())] = fact.noted().value();
    break;
  case facts::Fact::kStepStarted:
    recorded_hashes_[to_string(fact.step_started().step())]
        = fact.step_started().input_hash();
    break;
  case facts::Fact::kTimerSet:
    timers_[to_string(fact.timer_set().step())
            + (fact.timer_set().is_deadline() ? ".deadline" : "")]
        = fact.timer_set().due_at_us();
    break;
  case facts::Fact::kRunParked:
    parked_on_disk_ = true;
    break;
  default:
    break;
  }
}

result<void> durable_run::apply(const facts::Fact& fact,
                                const std::vector<store::blob>& own) {
  switch (fact.body_case()) {
  case facts::Fact::kRunStarted:
    return start_program(fact, own);
  case facts::Fact::kStepCompleted:
    return apply_outcome(fact.step_completed(), own);
  case facts::Fact::kStepStarted:
    apply_start(fact.step_started());
    break;
  case facts::Fact::kAttemptFailed:
    apply_attempt(fact.attempt_failed());
    break;
  case facts::Fact::kStepFailed:
    apply_failure(fact.step_failed());
    break;
  case facts::Fact::kTimerFired:
    apply_timer(fact.timer_fired());
    break;
  case facts::Fact::kSignalReceived:
    apply_signal(fact.signal_received());
    break;
  case facts::Fact::kChildProgressed: {
    auto& known = children_[fact.child_progressed().child()];
    known.seen = fact.child_progressed().child_version();
    if (replaying_)
      known.stored = known.seen;
    break;
  }
  case facts::Fact::kCancelRequested:
    apply_cancel(fact.cancel_requested());
    break;
  case facts::Fact::kRunCompleted: {
    auto output = bytes_of(fact.run_completed().output(), own);
    if (!output)
      return tl::unexpected<error>(output.error());
    output_ = std::move(*output);
    apply_end(store::log_status::completed,
              {errc::ok, {}, false, std::nullopt});
    break;
  }
  case facts::Fact::kRunFailed:
    apply_end(store::log_status::failed,
              {errc_from_string(fact.run_failed().error_code()),
               fact.run_failed().error_text(), false, std::nullopt});
    break;
  case facts::Fact::kRunCancelled:
    apply_end(
        store::log_status::cancelled,
        {errc::cancelled, fact.run_cancelled().reason(), false, std::nullopt});
    break;
  case facts::Fact::kRunParked:
    phase_ = phase::parked;
    status_ = store::log_status::needs_operator;
    failure_
        = {errc::mismatch, fact.run_parked().reason(), false, std::nullopt};
    break;
  case facts::Fact::kTimerSet:
  case facts::Fact::kNoted:
  case facts::Fact::kStreamEnded:
  case facts::Fact::kAttributesSet:
  case facts::Fact::kRunContinued:
  case facts::Fact::kRunResumed:
  case facts::Fact::BODY_NOT_SET: // Of a later build: an event, no more.
    break;
  }
  return {};
}

result<void> durable_run::start_program(const facts::Fact& fact,
                                        const std::vector<store::blob>& own) {
  status_ = store::log_status::running;
  started_at_us_ = fact.at_us();
  auto input = bytes_of(fact.run_started().input(), own);
  if (!input)
    return tl::unexpected<error>(input.error());
  input_ = std::move(*input);
  if (code_)
    root_ = code_(context{*this, {}}, input_);
  return {};
}

result<void> durable_run::apply_outcome(const facts::StepCompleted& fact,
                                        const std::vector<store::blob>& own) {
  count(fact);
  auto key = to_string(fact.step());
  auto output = bytes_of(fact.output(), own);
  if (!output)
    return tl::unexpected<error>(output.error());
  if (auto at = waiting_.find(key); at != waiting_.end())
    resolve(*at->second, std::move(*output));
  else
    outcomes_[key] = {std::move(*output), fact.input_hash()};
  return {};
}

void durable_run::apply_start(const facts::StepStarted& fact) {
  auto key = to_string(fact.step());
  announced_[key] = fact.attempt();
  // Read back, so it was made by an earlier activation.
  if (auto at = waiting_.find(key); at != waiting_.end() && replaying_)
    at->second->announced_ = true;
}

void durable_run::apply_attempt(const facts::AttemptFailed& fact) {
  auto key = to_string(fact.step());
  attempts_[key] = {fact.attempt(), fact.retry_at_us()};
  if (auto at = waiting_.find(key); at != waiting_.end()) {
    auto& op = *at->second;
    op.attempt_ = fact.attempt() + 1;
    op.not_before_us_ = fact.retry_at_us();
    op.barrier_ = decided_version_; // Its number rests on this fact.
    op.started_ = false;
    op.settled_ = false;
    op.announced_ = false;
    op.attempt_due_us_ = 0;
  }
}

void durable_run::apply_failure(const facts::StepFailed& fact) {
  auto key = to_string(fact.step());
  error why{errc_from_string(fact.error_code()), fact.error_text(), false,
            std::nullopt};
  if (auto at = waiting_.find(key); at != waiting_.end())
    resolve(*at->second, tl::unexpected<error>(std::move(why)));
  else
    outcomes_[key] = {tl::unexpected<error>(std::move(why)), fact.input_hash()};
}

void durable_run::apply_timer(const facts::TimerFired& fact) {
  auto key = to_string(fact.step());
  timers_fired_.insert(key);
  if (auto at = waiting_.find(key); at != waiting_.end())
    resolve(*at->second, std::string{});
}

void durable_run::apply_signal(const facts::SignalReceived& fact) {
  signals_seen_.insert(fact.name() + '\x1f' + fact.signal_id());
  auto& listeners = listening_[fact.name()];
  if (listeners.empty()) {
    signals_[fact.name()].push_back(fact.payload());
    return;
  }
  auto* first = listeners.front();
  listeners.pop_front();
  resolve(*first, fact.payload());
}

void durable_run::apply_cancel(const facts::CancelRequested& fact) {
  cancelling_ = true;
  cancel_version_ = replaying_ ? stored_version_ : decided_version_;
  failure_
      = {errc::cancelled, fact.reason().empty() ? "cancelled" : fact.reason(),
         false, std::nullopt};
  // Its coroutine cannot go on; the end is decided without it.
  if (phase_ == phase::parked) {
    if (!replaying_)
      end_cancelled();
    return;
  }
  std::vector<operation*> open;
  for (auto& [key, op] : waiting_)
    open.push_back(op);
  for (auto& [name, ops] : listening_)
    open.insert(open.end(), ops.begin(), ops.end());
  listening_.clear();
  for (auto* op : open) {
    // An activation before this one may have started it, and have died before
    // it could stop it.
    if (replaying_)
      op->started_ = true;
    stop_effect(*op);
    resolve(*op, tl::unexpected<error>(failure_));
  }
}

void durable_run::apply_end(store::log_status status, error why) {
  phase_ = phase::ended;
  status_ = status;
  if (why.code != errc::ok)
    failure_ = std::move(why);
}

void durable_run::resolve(operation& op, result<std::string> outcome) {
  waiting_.erase(op.key_);
  op.outcome_ = std::move(outcome);
  ready_.push_back(&op);
}

/// `own`: the bodies that go to disk with the fact; recorded ones are read from
/// the log's.
result<std::string>
durable_run::bytes_of(const facts::Body& body,
                      const std::vector<store::blob>& own) const {
  if (body.at_case() != facts::Body::kBlob)
    return body.inline_();
  for (const auto& blob : own)
    if (blob.hash == body.blob())
      return blob.bytes;
  if (recorded_blobs_)
    if (auto at = recorded_blobs_->find(body.blob());
        at != recorded_blobs_->end())
      return at->second;
  return fail(errc::failed, "a body of " + std::to_string(body.size())
                                + " bytes is missing from the blob table");
}

void durable_run::count(const facts::StepCompleted& fact) {
  usage_.set_input_tokens(usage_.input_tokens() + fact.usage().input_tokens());
  usage_.set_output_tokens(usage_.output_tokens()
                           + fact.usage().output_tokens());
  usage_.set_cost_nanousd(usage_.cost_nanousd() + fact.usage().cost_nanousd());
  if (!fact.usage().model().empty()) {
    usage_.set_model(fact.usage().model());
    usage_.set_provider(fact.usage().provider());
  }
  for (const auto& use : fact.models()) {
    auto known = std::find_if(models_.begin(), models_.end(), [&](auto& m) {
      return m.model() == use.model() && m.provider() == use.provider();
    });
    if (known == models_.end()) {
      models_.push_back(use);
      continue;
    }
    known->set_executions(known->executions() + use.executions());
    known->set_tokens(known->tokens() + use.tokens());
    known->set_cost_nanousd(known->cost_nanousd() + use.cost_nanousd());
  }
}

} // namespace shannon::workflow
