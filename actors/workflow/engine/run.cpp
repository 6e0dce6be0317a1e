#include "actors/workflow/engine/run.hpp"

#include "actors/workflow/engine/context.hpp"
#include "actors/workflow/engine/events.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace shannon::workflow {

namespace {

/// Facts in one append: bounds the statement, not the run.
constexpr std::size_t group_max = 256;

} // namespace

std::uint64_t system_entropy() {
  thread_local std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

durable_run::durable_run(program code, run_options options)
    : code_(std::move(code)), options_(std::move(options)) {}

durable_run::~durable_run() {
  root_.reset();
}

// -- life ---------------------------------------------------------------------

void durable_run::begin(facts::RunStarted started, facts::Event event,
                        std::int64_t now_us, std::vector<std::string> more) {
  bodies blobs;
  for (auto& body : more) {
    auto hash = sha256(body);
    blobs.push_back({std::move(hash), std::move(body)});
  }
  if (auto* input = started.mutable_input();
      input->at_case() == facts::Body::kInline)
    *input = body_of(std::move(*input->mutable_inline_()), false, blobs);
  facts::Fact fact;
  *fact.mutable_run_started() = std::move(started);
  *fact.mutable_event() = std::move(event);
  phase_ = phase::running;
  now_us_ = now_us;
  stage(std::move(fact), std::move(blobs));
  go_on();
}

durable_run::agenda durable_run::next(std::int64_t now_us) {
  agenda what;
  hand_out_stops(what);
  tick(now_us);
  go_on();
  start_ready(what);
  take_group(what);
  what.idle = decided_.size() == in_flight_;
  if (phase_ == phase::running) {
    what.idle = what.idle && stops_.empty() && stops_owed_ == 0
                && std::all_of(queued_.begin(), queued_.end(),
                               [this](auto* op) { return is_held(*op); })
                && under_way_ == 0 && !again_;
    if (!alarms_.empty())
      what.wake_at_us = alarms_.begin()->first.first;
  }
  return what;
}

void durable_run::hand_out_stops(agenda& what) {
  std::size_t count = 0;
  while (count < stops_.size() && stops_[count].after <= stored_version_) {
    auto& stop = stops_[count].what;
    if (stop.owed)
      stops_told_.push_back(stop);
    what.stop.push_back(std::move(stop));
    ++count;
  }
  stops_.erase(stops_.begin(),
               stops_.begin() + static_cast<std::ptrdiff_t>(count));
}

/// Effects whose barrier is on disk, in the order of asking. Local ones are
/// carried out at once, each behind the barrier like any other.
void durable_run::start_ready(agenda& what) {
  if (phase_ != phase::running || queued_.empty())
    return;
  auto later = queued_.begin();
  for (auto* op : queued_) {
    if ((op->work && !options_.look_only) || op->barrier_ > stored_version_
        || is_held(*op)) {
      *later++ = op;
      continue;
    }
    op->queued_ = false;
    op->started_ = true;
    ++under_way_;
    auto key = outside_name(*op);
    started_[key] = op;
    if (op->options.attempt_timeout.count() != 0)
      op->attempt_due_us_
          = now_us_ + op->options.attempt_timeout.count() * 1000;
    set_alarm(*op);
    auto& start = what.start.emplace_back();
    op->where_.to(start.step);
    start.key = std::move(key);
    start.effect = op->effect;
    start.input = op->input;
    start.attempt = op->attempt_;
    start.shown_as = op->options.shown_as;
  }
  queued_.erase(later, queued_.end());
  // What one of these leads to may do away with the next.
  for (std::size_t i = 0; i < queued_.size() && phase_ == phase::running;) {
    auto* op = queued_[i];
    if (!op->work || op->barrier_ > stored_version_ || is_held(*op)) {
      ++i;
      continue;
    }
    carry_out(*op);
    i = 0;
  }
}

void durable_run::carry_out(operation& op) {
  std::erase(queued_, &op);
  op.queued_ = false;
  op.started_ = true;
  ++under_way_;
  outcome_of(op, op.work());
  go_on();
}

/// The facts of one append, unless one is under way.
void durable_run::take_group(agenda& what) {
  if (in_flight_ != 0)
    return;
  for (auto& item : decided_) {
    // An end and the end of its stream are one append: nobody would come back
    // for the second.
    if (in_flight_ >= group_max && !item->fact.has_stream_ended())
      return;
    auto& hashes = what.references.emplace_back();
    for (auto& blob : item->blobs) {
      hashes.push_back(blob.hash);
      what.blobs.push_back(std::move(blob));
    }
    item->blobs.clear();
    what.append.push_back(item->fact);
    what.status = item->status;
    ++in_flight_;
    if (item->fact.has_attributes_set()) {
      const auto& set = item->fact.attributes_set().attributes();
      what.attributes.emplace(set.begin(), set.end());
    }
    if (item->fact.has_run_continued()) {
      what.base = static_cast<std::uint32_t>(in_flight_ - 1);
      return; // The new turn begins once this is on disk.
    }
  }
}

void durable_run::committed(std::int64_t now_us) {
  now_us_ = now_us;
  for (std::size_t i = 0; i < in_flight_; ++i) {
    const auto& fact = decided_[i]->fact;
    ++stored_version_;
    if (fact.has_child_progressed())
      children_[fact.child_progressed().child()].stored
          = fact.child_progressed().child_version();
    if (on_stored)
      on_stored(stored_version_, fact);
  }
  on_disk_ = in_flight_;
  go_on();
  decided_.erase(decided_.begin(),
                 decided_.begin() + static_cast<std::ptrdiff_t>(on_disk_));
  applied_ -= on_disk_;
  on_disk_ = in_flight_ = 0;
}

// -- what follows from what ---------------------------------------------------

/// Decided; applied by `go_on`, in order.
void durable_run::stage(facts::Fact fact, bodies blobs) {
  fact.set_at_us(now_us_);
  ++decided_version_;
  decided_.push_back(std::make_unique<decided_fact>(
      decided_fact{std::move(fact), std::move(blobs), status_}));
}

/// Applies what is decided, until nothing more follows from it. Not entered
/// twice: what the coroutine decides meanwhile is applied by the loop that
/// resumed it.
void durable_run::go_on() {
  if (std::exchange(going_on_, true))
    return;
  for (;;) {
    drain();
    begin_again();
    finish_if_done();
    say_paused();
    keep_limit();
    if (applied_ == decided_.size())
      break;
    auto& item = *decided_[applied_];
    // A new turn begins behind the disk: a program that continues over and
    // over makes an append of each turn.
    if (item.fact.has_run_continued() && applied_ >= on_disk_)
      break;
    ++applied_;
    // What this run wrote itself it can read; a failure would be a bug here,
    // and parks the run instead of looping.
    if (auto done = apply(item.fact, item.blobs); !done)
      park(done.error().text, now_us_);
    item.status = status_;
  }
  going_on_ = false;
}

void durable_run::drain() {
  while (!ready_.empty() && phase_ == phase::running && !closing_ && !again_) {
    auto* op = ready_.front();
    ready_.erase(ready_.begin());
    op->ready_ = false;
    if (auto waiter = op->waiter_)
      waiter.resume();
  }
}

/// A run whose log grows without end is parked.
void durable_run::keep_limit() {
  if (decided_version_ - base_version_ >= options_.facts_max && !cancelling_
      && !closing_ && !again_ && phase_ == phase::running)
    park("log holds " + std::to_string(decided_version_ - base_version_)
             + " facts, the limit of one run",
         now_us_);
}

facts::Body durable_run::body_of(std::string bytes, bool always_blob,
                                 bodies& blobs) const {
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
