#include "actors/workflow/engine/run.hpp"

#include "actors/workflow/engine/context.hpp"
#include "actors/workflow/engine/events.hpp"

#include <algorithm>
#include <limits>

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
  stage(std::move(fact), std::move(blobs), now_us);
}

durable_run::agenda durable_run::next(std::int64_t now_us) {
  agenda what;
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

// -- facts on their way to disk -----------------------------------------------

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
