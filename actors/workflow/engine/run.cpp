#include "actors/workflow/engine/run.hpp"

#include "actors/workflow/engine/context.hpp"
#include "actors/workflow/engine/events.hpp"

#include <algorithm>
#include <utility>

namespace shannon::workflow {

namespace {

/// Facts in one append: bounds the statement, not the run.
constexpr std::size_t group_max = 256;

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
  now_us_ = now_us;
  stage(std::move(fact), std::move(blobs), now_us);
  go_on();
}

durable_run::agenda durable_run::next(std::int64_t now_us) {
  agenda what;
  now_us_ = now_us;
  hand_out_stops(what);
  go_on();
  take_group(what);
  look_ahead(what, now_us);
  return what;
}

void durable_run::hand_out_stops(agenda& what) {
  while (!stops_.empty() && stops_.front().after <= stored_version_) {
    stops_owed_ -= stops_.front().owed;
    what.stop.push_back(std::move(stops_.front().what));
    stops_.pop_front();
  }
}

/// The facts of one append, unless one is under way.
void durable_run::take_group(agenda& what) {
  if (!in_flight_.empty() || staged_.empty())
    return;
  auto count = std::min(staged_.size(), group_max);
  for (std::size_t i = 0; i < count; ++i) {
    auto& item = in_flight_.emplace_back(std::move(staged_.front()));
    staged_.pop_front();
    what.append.push_back(item.fact);
    auto& hashes = what.references.emplace_back();
    for (auto& blob : item.blobs) {
      hashes.push_back(blob.hash);
      what.blobs.push_back(std::move(blob));
    }
    item.blobs.clear();
  }
  what.status = in_flight_.back().status;
}

/// What can be started now, and whether anything is left to wait for.
void durable_run::look_ahead(agenda& what, std::int64_t now_us) {
  what.idle = staged_.empty();
  if (phase_ != phase::running)
    return;
  if (!stops_.empty())
    what.idle = false;
  std::int64_t wake_at_us = 0;
  auto by = [&](std::int64_t due_us) {
    if (due_us != 0 && (wake_at_us == 0 || due_us < wake_at_us))
      wake_at_us = due_us;
  };
  for (auto& [key, op] : waiting_) {
    if (op->kind_ == operation::kind::effect && !op->started_
        && op->not_before_us_ > now_us)
      by(op->not_before_us_);
    else if (op->kind_ == operation::kind::effect) {
      what.idle = false;
      if (!op->started_ && op->barrier_ <= stored_version_)
        start(*op, what, now_us);
    }
    by(due_us(*op));
  }
  if (wake_at_us != 0)
    what.wake_at_us = wake_at_us;
}

void durable_run::start(operation& op, agenda& what, std::int64_t now_us) {
  op.started_ = true;
  if (op.options.attempt_timeout.count() != 0)
    op.attempt_due_us_ = now_us + op.options.attempt_timeout.count() * 1000;
  what.start.push_back({op.id_, op.key_, op.effect, op.input, op.attempt_});
}

void durable_run::committed(std::int64_t now_us) {
  now_us_ = now_us;
  auto stored = std::move(in_flight_);
  in_flight_.clear();
  for (auto& item : stored) {
    ++stored_version_;
    if (item.fact.has_child_progressed())
      children_[item.fact.child_progressed().child()].stored
          = item.fact.child_progressed().child_version();
    if (on_stored)
      on_stored(stored_version_, item.fact);
  }
}

/// Applies what is decided, in order, until nothing more follows from it. Not
/// entered twice: what the coroutine decides meanwhile is applied by the loop
/// that resumed it.
void durable_run::go_on() {
  if (std::exchange(going_on_, true))
    return;
  do {
    while (unapplied_ > 0) {
      auto& item = staged_[staged_.size() - unapplied_];
      --unapplied_;
      // What this run wrote itself it can read; a failure would be a bug here,
      // and parks the run instead of looping.
      if (auto done = apply(item.fact, item.blobs); !done)
        park(done.error().text, now_us_);
      item.status = status_;
      drain();
    }
    finish_if_done();
    keep_limit();
  } while (unapplied_ > 0 || announce_attempts());
  going_on_ = false;
}

/// A run whose log grows without end is parked.
void durable_run::keep_limit() {
  if (decided_version_ >= options_.facts_max && !cancelling_ && !closing_
      && phase_ == phase::running)
    park("log holds " + std::to_string(decided_version_)
             + " facts, the limit of one run",
         now_us_);
}

void durable_run::drain() {
  while (!ready_.empty() && phase_ == phase::running && !finishing_) {
    auto waiter = ready_.front()->waiter_;
    ready_.pop_front();
    if (waiter)
      waiter.resume();
  }
}

/// Decides the end, once nothing is left to do. What goes on elsewhere is told
/// to stop before, so that a crash cannot lose it: nobody reads an ended run.
void durable_run::finish_if_done() {
  if (phase_ != phase::running || finishing_)
    return;
  closing_ = closing_ || root_.done();
  if (!closing_ || stops_owed_ > 0)
    return;
  finishing_ = true;
  facts::Fact fact;
  std::vector<store::blob> blobs;
  auto failed = [&](const error& why) {
    fact.mutable_run_failed()->set_error_code(
        std::string{shannon::to_string(why.code)});
    fact.mutable_run_failed()->set_error_text(why.text);
    *fact.mutable_event() = event_of("ERROR_OCCURRED", why.text);
  };
  if (cancelling_) {
    fact.mutable_run_cancelled()->set_reason(failure_.text);
    *fact.mutable_event() = event_of("WORKFLOW_CANCELLED", failure_.text);
  } else {
    try {
      output_ = root_.take();
      *fact.mutable_run_completed()->mutable_output()
          = body_of(output_, false, blobs);
      *fact.mutable_event() = event_of("WORKFLOW_COMPLETED", "All done");
    } catch (const step_failed& thrown) {
      failed(thrown.why());
    } catch (const std::exception& thrown) {
      failed({errc::failed, thrown.what(), false, std::nullopt});
    }
  }
  fact.mutable_event()->set_agent_id("orchestrator");
  stage(std::move(fact), std::move(blobs), now_us_);
  end_stream();
}

void durable_run::end_stream() {
  if (!options_.ends_stream)
    return;
  facts::Fact last;
  last.mutable_stream_ended();
  *last.mutable_event() = event_of("STREAM_END", "Done");
  last.mutable_event()->set_agent_id("orchestrator");
  stage(std::move(last), {}, now_us_);
}

// -- facts on their way to disk -----------------------------------------------

void durable_run::stage(facts::Fact fact, std::vector<store::blob> blobs,
                        std::int64_t now_us) {
  fact.set_at_us(now_us);
  ++decided_version_;
  ++unapplied_;
  staged_.push_back({std::move(fact), std::move(blobs), status_});
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
