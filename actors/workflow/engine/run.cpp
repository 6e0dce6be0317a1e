#include "actors/workflow/engine/run.hpp"

#include "actors/workflow/engine/context.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace shannon::workflow {

namespace {

/// Facts in one append: bounds the statement, not the run.
constexpr std::size_t group_max = 256;
/// A far side that asks for a longer pause is tried again earlier.
constexpr std::chrono::milliseconds retry_after_max = std::chrono::hours{24};

std::string sha256(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(),
             nullptr);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

facts::Event event_of(std::string type, std::string message) {
  facts::Event event;
  event.set_type(std::move(type));
  event.set_message(std::move(message));
  return event;
}

} // namespace

durable_run::durable_run(program code, run_options options)
    : code_(std::move(code)), options_(std::move(options)) {}

durable_run::~durable_run() {
  root_.reset();
}

// -- life ---------------------------------------------------------------------

void durable_run::begin(facts::RunStarted started, facts::Event event,
                        std::int64_t now_us) {
  std::vector<store::blob> blobs;
  if (auto* input = started.mutable_input();
      input->at_case() == facts::Body::kInline)
    *input = body_of(std::move(*input->mutable_inline_()), false, blobs);
  facts::Fact fact;
  *fact.mutable_run_started() = std::move(started);
  *fact.mutable_event() = std::move(event);
  phase_ = phase::running;
  stage(std::move(fact), std::move(blobs), now_us);
}

durable_run::todo durable_run::next(std::int64_t now_us) {
  todo what;
  now_us_ = now_us;
  announce_attempts();
  if (in_flight_.empty() && !staged_.empty()) {
    auto count = std::min(staged_.size(), group_max);
    for (std::size_t i = 0; i < count; ++i) {
      auto& item = in_flight_.emplace_back(std::move(staged_.front()));
      staged_.pop_front();
      what.append.push_back(item.fact);
      auto& hashes = what.references.emplace_back();
      for (const auto& blob : item.blobs) {
        hashes.push_back(blob.hash);
        what.blobs.push_back(blob);
      }
    }
  }
  what.stop.swap(stops_);
  if (phase_ != phase::running)
    return what;
  auto wake = std::numeric_limits<std::int64_t>::max();
  auto by = [&](std::int64_t due_us) {
    if (due_us != 0)
      wake = std::min(wake, due_us);
  };
  for (auto& [key, op] : waiting_) {
    if (op->settled_)
      continue;
    if (op->kind_ == operation::kind::timer) {
      by(timers_[key]);
      continue;
    }
    by(op->step_due_us_);
    if (op->started_) {
      by(op->attempt_due_us_);
      continue;
    }
    if (op->barrier_ > stored_total_)
      continue;
    if (op->not_before_us_ > now_us) {
      by(op->not_before_us_);
      continue;
    }
    op->started_ = true;
    if (op->options.attempt_timeout.count() != 0) {
      op->attempt_due_us_ = now_us + op->options.attempt_timeout.count() * 1000;
      by(op->attempt_due_us_);
    }
    what.start.push_back({op->id_, key, op->effect, op->input, op->attempt_});
  }
  if (wake != std::numeric_limits<std::int64_t>::max())
    what.wake_at_us = wake;
  return what;
}

void durable_run::committed(std::int64_t now_us) {
  now_us_ = now_us;
  auto stored = std::move(in_flight_);
  in_flight_.clear();
  stored_total_ += stored.size();
  for (auto& item : stored) {
    for (auto& blob : item.blobs)
      blobs_.emplace(blob.hash, std::move(blob.bytes));
    // What this run wrote itself it can read; a failure would be a bug here,
    // and parks the run instead of looping.
    if (auto done = apply(item.fact); !done)
      park(done.error().text, now_us);
    if (on_applied)
      on_applied(version_, item.fact);
    drain();
  }
  blobs_.clear();
  if (version_ >= options_.facts_max && !cancelling_ && !finishing_
      && !root_.done())
    park("log holds " + std::to_string(version_)
             + " facts, the limit of one run",
         now_us);
  finish_if_done();
}

void durable_run::drain() {
  while (!ready_.empty() && phase_ == phase::running && !finishing_) {
    auto waiter = ready_.front()->waiter_;
    ready_.pop_front();
    if (waiter)
      waiter.resume();
  }
}

void durable_run::finish_if_done() {
  if (phase_ != phase::running || finishing_ || !root_.done())
    return;
  finishing_ = true;
  facts::Fact fact;
  std::vector<store::blob> blobs;
  auto failed = [&](const error& why) {
    if (cancelling_) {
      fact.mutable_run_cancelled()->set_reason(why.text);
      *fact.mutable_event() = event_of("WORKFLOW_CANCELLED", why.text);
    } else {
      fact.mutable_run_failed()->set_error_code(
          std::string{shannon::to_string(why.code)});
      fact.mutable_run_failed()->set_error_text(why.text);
      *fact.mutable_event() = event_of("ERROR_OCCURRED", why.text);
    }
  };
  try {
    auto output = root_.take();
    output_ = output;
    if (cancelling_) {
      failed(failure_);
    } else {
      *fact.mutable_run_completed()->mutable_output()
          = body_of(std::move(output), false, blobs);
      *fact.mutable_event() = event_of("WORKFLOW_COMPLETED", "All done");
    }
  } catch (const step_failed& thrown) {
    failed(cancelling_ ? failure_ : thrown.why());
  } catch (const std::exception& thrown) {
    failed({errc::failed, thrown.what(), false, std::nullopt});
  }
  fact.mutable_event()->set_agent_id("orchestrator");
  stage(std::move(fact), std::move(blobs), now_us_);
  if (options_.ends_stream) {
    facts::Fact last;
    last.mutable_stream_ended();
    *last.mutable_event() = event_of("STREAM_END", "Done");
    last.mutable_event()->set_agent_id("orchestrator");
    stage(std::move(last), {}, now_us_);
  }
}

// -- what happens -------------------------------------------------------------

void durable_run::effect_ended(const std::string& key, std::uint32_t attempt,
                               effect_outcome outcome, std::int64_t now_us) {
  auto at = waiting_.find(key);
  if (at == waiting_.end() || phase_ != phase::running)
    return;
  auto& op = *at->second;
  if (op.settled_ || !op.started_ || op.attempt_ != attempt)
    return; // Late: this attempt has ended already.
  op.settled_ = true;
  facts::Fact fact;
  std::vector<store::blob> blobs;
  if (outcome.output) {
    auto& done = *fact.mutable_step_completed();
    *done.mutable_step() = op.id_;
    done.set_effect(op.effect);
    done.set_input_hash(op.input_hash_);
    done.set_attempt(attempt);
    done.set_duration_us(outcome.duration_us);
    *done.mutable_usage() = outcome.usage;
    for (auto& model : outcome.models)
      *done.add_models() = std::move(model);
    if (op.options.completed_event)
      *fact.mutable_event() = op.options.completed_event(*outcome.output);
    else
      *fact.mutable_event() = event_of("STEP_RECORDED", key);
    *done.mutable_output()
        = body_of(std::move(*outcome.output), op.options.always_blob, blobs);
    stage(std::move(fact), std::move(blobs), now_us);
    return;
  }
  const auto& why = outcome.output.error();
  auto attempts_max = op.options.attempts_max != 0 ? op.options.attempts_max
                                                   : options_.step_attempts_max;
  // After a timeout nobody knows whether it was made.
  bool repeatable = !op.options.at_most_once || why.code != errc::timeout;
  if (why.retryable && repeatable && attempt < attempts_max) {
    auto shift = std::min(attempt - 1, 20u);
    auto top = std::min(options_.retry_backoff_min * (1u << shift),
                        options_.retry_backoff_max);
    // Full jitter over the upper half; what the far side asked for is a floor.
    auto wait = std::chrono::milliseconds{static_cast<std::int64_t>(
        static_cast<double>(top.count()) * (0.5 + options_.chance() / 2))};
    if (why.retry_after)
      wait = std::max(wait, std::min(*why.retry_after, retry_after_max));
    auto& failed = *fact.mutable_attempt_failed();
    *failed.mutable_step() = op.id_;
    failed.set_attempt(attempt);
    failed.set_error_code(std::string{shannon::to_string(why.code)});
    failed.set_error_text(why.text);
    failed.set_retry_at_us(now_us + wait.count() * 1000);
    failed.set_input_hash(op.input_hash_);
    *fact.mutable_event()
        = event_of("ERROR_RECOVERY",
                   op.effect + " attempt " + std::to_string(attempt) + " of "
                       + std::to_string(attempts_max) + " failed, next in "
                       + std::to_string(wait.count()) + " ms: " + why.text);
  } else {
    auto& failed = *fact.mutable_step_failed();
    *failed.mutable_step() = op.id_;
    failed.set_attempt(attempt);
    failed.set_error_code(std::string{shannon::to_string(why.code)});
    failed.set_error_text(why.text);
    failed.set_input_hash(op.input_hash_);
    *fact.mutable_event()
        = event_of("WARNING", op.effect + " failed: " + why.text);
  }
  stage(std::move(fact), {}, now_us);
}

void durable_run::tick(std::int64_t now_us) {
  now_us_ = now_us;
  if (phase_ != phase::running)
    return;
  for (auto& [key, op] : waiting_) {
    if (op->settled_)
      continue;
    if (op->kind_ != operation::kind::timer) {
      expire(*op, now_us);
      continue;
    }
    if (timers_[key] > now_us)
      continue;
    op->settled_ = true;
    facts::Fact fact;
    *fact.mutable_timer_fired()->mutable_step() = op->id_;
    *fact.mutable_event() = event_of("TIMER_FIRED", key);
    stage(std::move(fact), {}, now_us);
  }
}

/// Ends an attempt, or the step, whose time is over.
void durable_run::expire(operation& op, std::int64_t now_us) {
  bool step_over = op.step_due_us_ != 0 && op.step_due_us_ <= now_us;
  bool attempt_over
      = op.started_ && op.attempt_due_us_ != 0 && op.attempt_due_us_ <= now_us;
  if (!step_over && !attempt_over)
    return;
  stop_effect(op);
  op.started_ = true; // Also one that waited for its next attempt ends here.
  effect_ended(op.key_, op.attempt_,
               {fail(errc::timeout,
                     step_over ? "the step took longer than its limit"
                               : "the attempt took longer than its limit",
                     !step_over),
                {},
                {},
                0},
               now_us);
}

durable_run::signal_outcome durable_run::signal(std::string name,
                                                std::string id,
                                                std::string payload,
                                                std::int64_t now_us) {
  if (phase_ == phase::ended || finishing_)
    return signal_outcome::ended;
  if (!signals_seen_.insert(name + '\x1f' + id).second)
    return signal_outcome::repeated;
  facts::Fact fact;
  fact.mutable_signal_received()->set_name(name);
  fact.mutable_signal_received()->set_signal_id(std::move(id));
  fact.mutable_signal_received()->set_payload(std::move(payload));
  *fact.mutable_event() = event_of("SIGNAL_RECEIVED", std::move(name));
  stage(std::move(fact), {}, now_us);
  return signal_outcome::staged;
}

bool durable_run::cancel(std::string reason, std::string by,
                         std::int64_t now_us) {
  if (phase_ == phase::ended || cancel_staged_ || finishing_)
    return false;
  cancel_staged_ = true;
  facts::Fact fact;
  *fact.mutable_event() = event_of("WORKFLOW_CANCELLING", reason);
  fact.mutable_event()->set_agent_id("orchestrator");
  fact.mutable_cancel_requested()->set_reason(std::move(reason));
  fact.mutable_cancel_requested()->set_by(std::move(by));
  stage(std::move(fact), {}, now_us);
  return true;
}

std::int64_t durable_run::child_progressed(const std::string& name,
                                           std::int64_t version,
                                           facts::Event event,
                                           std::int64_t now_us) {
  auto& known = children_[name];
  if (phase_ == phase::running && !finishing_ && version == known.seen + 1) {
    known.seen = version;
    facts::Fact fact;
    fact.mutable_child_progressed()->set_child(name);
    fact.mutable_child_progressed()->set_child_version(version);
    *fact.mutable_event() = std::move(event);
    stage(std::move(fact), {}, now_us);
  }
  return known.stored;
}

void durable_run::park(std::string reason, std::int64_t now_us) {
  if ((phase_ != phase::running && phase_ != phase::empty) || finishing_)
    return;
  now_us_ = now_us;
  if (cancelling_)
    return end_cancelled(); // A person has decided already.
  facts::Fact fact;
  fact.mutable_run_parked()->set_reason(reason);
  *fact.mutable_event() = event_of("WARNING", "Needs an operator: " + reason);
  failure_ = {errc::mismatch, std::move(reason), false, std::nullopt};
  stand_still(std::move(fact));
}

/// Parked from here on: says so once in the log, and nothing runs behind it.
void durable_run::stand_still(facts::Fact fact) {
  phase_ = phase::parked;
  for (auto& [key, op] : waiting_)
    stop_effect(*op);
  if (std::exchange(parked_on_disk_, true))
    status_ = store::log_status::needs_operator;
  else
    stage(std::move(fact), {}, now_us_);
}

/// The end of a run whose coroutine cannot unwind by itself.
void durable_run::end_cancelled() {
  if (finishing_)
    return;
  finishing_ = true;
  phase_ = phase::running;
  for (auto& [key, op] : waiting_)
    if (op->kind_ == operation::kind::effect)
      stops_.push_back({key, op->effect, op->attempt_, op->input});
  waiting_.clear();
  listening_.clear();
  facts::Fact end;
  end.mutable_run_cancelled()->set_reason(failure_.text);
  *end.mutable_event() = event_of("WORKFLOW_CANCELLED", failure_.text);
  end.mutable_event()->set_agent_id("orchestrator");
  stage(std::move(end), {}, now_us_);
  if (!options_.ends_stream)
    return;
  facts::Fact last;
  last.mutable_stream_ended();
  *last.mutable_event() = event_of("STREAM_END", "Done");
  last.mutable_event()->set_agent_id("orchestrator");
  stage(std::move(last), {}, now_us_);
}

std::int64_t durable_run::child_version(const std::string& name) const {
  auto at = children_.find(name);
  return at == children_.end() ? 0 : at->second.stored;
}

std::int64_t durable_run::child_seen(const std::string& name) const {
  auto at = children_.find(name);
  return at == children_.end() ? 0 : at->second.seen;
}

// -- what operation and context ask -------------------------------------------

facts::StepId durable_run::place(std::string_view scope, std::string_view key) {
  facts::StepId id;
  id.set_scope(std::string{scope});
  id.set_key(std::string{key});
  id.set_occurrence(++occurrences_[id.scope() + "/" + id.key()]);
  return id;
}

std::string durable_run::note(facts::StepId id, facts::Event event,
                              const std::function<std::string()>& value) {
  auto key = to_string(id);
  if (auto at = notes_.find(key); at != notes_.end())
    return at->second;
  auto fresh = value();
  notes_.emplace(key, fresh);
  facts::Fact fact;
  *fact.mutable_noted()->mutable_step() = std::move(id);
  fact.mutable_noted()->set_value(fresh);
  if (event.type().empty())
    event = event_of("NOTED", key);
  *fact.mutable_event() = std::move(event);
  stage(std::move(fact), {}, now_us_);
  return fresh;
}

bool durable_run::admit(operation& op) {
  if (cancelling_) {
    op.outcome_ = tl::unexpected<error>(failure_);
    return true;
  }
  switch (op.kind_) {
  case operation::kind::effect:
    return admit_effect(op);
  case operation::kind::timer:
    return admit_timer(op);
  case operation::kind::signal:
    return admit_signal(op);
  }
  return false;
}

bool durable_run::admit_effect(operation& op) {
  op.input_hash_ = sha256(op.effect + "\n" + op.identity);
  op.input_hash_.resize(16);
  auto recorded = recorded_hashes_.find(op.key_);
  if (recorded != recorded_hashes_.end()
      && recorded->second != op.input_hash_) {
    mismatch(op, recorded->second);
    return false;
  }
  if (auto at = outcomes_.find(op.key_); at != outcomes_.end()) {
    op.outcome_ = std::move(at->second.output);
    outcomes_.erase(at);
    return true;
  }
  if (auto at = attempts_.find(op.key_); at != attempts_.end()) {
    op.attempt_ = at->second.failed + 1;
    op.not_before_us_ = at->second.retry_at_us;
  }
  // A key is asked for once in an activation: this is from an earlier one.
  if (auto at = announced_.find(op.key_); at != announced_.end())
    op.announced_ = at->second == op.attempt_;
  op.step_due_us_ = deadline_of(op);
  op.barrier_ = staged_total_;
  waiting_[op.key_] = &op;
  return false;
}

/// When the whole step is over: recorded when it was first asked for.
std::int64_t durable_run::deadline_of(const operation& op) {
  if (op.options.total_timeout.count() == 0)
    return 0;
  auto key = op.key_ + ".deadline";
  if (auto at = timers_.find(key); at != timers_.end())
    return at->second;
  auto due = now_us_ + op.options.total_timeout.count() * 1000;
  timers_[key] = due;
  facts::Fact fact;
  auto& id = *fact.mutable_timer_set()->mutable_step();
  id = op.id_;
  fact.mutable_timer_set()->set_due_at_us(due);
  fact.mutable_timer_set()->set_is_deadline(true);
  *fact.mutable_event() = event_of("TIMER_SET", key);
  stage(std::move(fact), {}, now_us_);
  return due;
}

/// Attempts that must not be made twice are recorded before they are made.
void durable_run::announce_attempts() {
  if (phase_ != phase::running)
    return;
  for (auto& [key, op] : waiting_) {
    if (!op->options.at_most_once || op->started_ || op->settled_
        || op->not_before_us_ > now_us_)
      continue;
    if (op->announced_) {
      // By an earlier activation: whether it was made nobody can tell.
      op->started_ = true;
      effect_ended(key, op->attempt_,
                   {fail(errc::failed, "was under way at a crash, and is made "
                                       "at most once"),
                    {},
                    {},
                    0},
                   now_us_);
      continue;
    }
    if (announced_[key] == op->attempt_)
      continue; // By this activation: it starts once that is stored.
    facts::Fact fact;
    *fact.mutable_step_started()->mutable_step() = op->id_;
    fact.mutable_step_started()->set_attempt(op->attempt_);
    fact.mutable_step_started()->set_input_hash(op->input_hash_);
    *fact.mutable_event() = event_of("STEP_STARTED", key);
    announced_[key] = op->attempt_;
    stage(std::move(fact), {}, now_us_);
    op->barrier_ = staged_total_;
  }
}

bool durable_run::admit_timer(operation& op) {
  if (timers_fired_.count(op.key_) != 0) {
    op.outcome_ = std::string{};
    return true;
  }
  if (timers_.count(op.key_) == 0) {
    auto due = now_us_ + op.delay.count();
    timers_[op.key_] = due;
    facts::Fact fact;
    *fact.mutable_timer_set()->mutable_step() = op.id_;
    fact.mutable_timer_set()->set_due_at_us(due);
    *fact.mutable_event() = event_of("TIMER_SET", op.key_);
    stage(std::move(fact), {}, now_us_);
  }
  waiting_[op.key_] = &op;
  return false;
}

bool durable_run::admit_signal(operation& op) {
  if (auto& buffered = signals_[op.signal]; !buffered.empty()) {
    op.outcome_ = std::move(buffered.front());
    buffered.pop_front();
    return true;
  }
  listening_[op.signal].push_back(&op);
  return false;
}

void durable_run::mismatch(const operation& op, const std::string& recorded) {
  auto hex = [](const std::string& bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (unsigned char c : bytes) {
      text += digits[c >> 4];
      text += digits[c & 15];
    }
    return text;
  };
  if (phase_ != phase::running)
    return;
  facts::Fact fact;
  auto& parked = *fact.mutable_run_parked();
  *parked.mutable_step() = op.id_;
  parked.set_reason("step " + op.key_
                    + ": the code asks for another input "
                      "than the log has recorded");
  parked.set_recorded(hex(recorded));
  parked.set_asked(hex(op.input_hash_) + " "
                   + op.input->ShortDebugString().substr(0, 2000));
  *fact.mutable_event()
      = event_of("WARNING", "Needs an operator: " + parked.reason());
  failure_ = {errc::mismatch, parked.reason(), false, std::nullopt};
  stand_still(std::move(fact));
}

void durable_run::drop(operation& op) noexcept {
  auto at = waiting_.find(op.key_);
  if (at != waiting_.end() && at->second == &op) {
    stop_effect(op);
    waiting_.erase(at);
  }
  if (op.kind_ == operation::kind::signal)
    std::erase(listening_[op.signal], &op);
  std::erase(ready_, &op);
}

void durable_run::stop_effect(operation& op) {
  if (op.kind_ == operation::kind::effect && op.started_ && !op.settled_)
    stops_.push_back({op.key_, op.effect, op.attempt_, op.input});
}

void durable_run::stage(facts::Fact fact, std::vector<store::blob> blobs,
                        std::int64_t now_us) {
  fact.set_at_us(now_us);
  ++staged_total_;
  staged_.push_back({std::move(fact), std::move(blobs)});
}

facts::Body durable_run::body_of(std::string bytes, bool always_blob,
                                 std::vector<store::blob>& blobs) const {
  facts::Body body;
  body.set_size(bytes.size());
  if (always_blob || bytes.size() > options_.inline_bytes_max) {
    auto hash = sha256(bytes);
    body.set_blob(hash);
    blobs.push_back({std::move(hash), std::move(bytes)});
  } else {
    body.set_inline_(std::move(bytes));
  }
  return body;
}

} // namespace shannon::workflow
