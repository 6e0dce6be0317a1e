// How a run ends, stands still, goes on again, or begins anew.

#include "actors/workflow/engine/context.hpp"
#include "actors/workflow/engine/events.hpp"
#include "actors/workflow/engine/run.hpp"

#include <algorithm>
#include <utility>

namespace shannon::workflow {

// -- the end ------------------------------------------------------------------

/// Decides the end, once nothing is left to do. What goes on elsewhere has
/// taken the wish to stop before, so that a crash cannot lose it: nobody reads
/// an ended run.
void durable_run::finish_if_done() {
  if (phase_ != phase::running || finishing_)
    return;
  closing_ = closing_ || root_.done();
  if (!closing_)
    return;
  stop_at_end();
  if (stops_owed_ > 0)
    return;
  finishing_ = true;
  facts::Fact fact;
  bodies blobs;
  auto failed = [&](const error& why) {
    fact.mutable_run_failed()->set_error_code(
        std::string{shannon::to_string(why.code)});
    fact.mutable_run_failed()->set_error_text(why.text);
    *fact.mutable_event() = event_of("ERROR_OCCURRED", why.text);
  };
  if (cancelling_) {
    fact.mutable_run_cancelled()->set_reason(failure_.text);
    *fact.mutable_event() = event_of("WORKFLOW_CANCELLED", failure_.text);
    if (was_paused_)
      fact.mutable_event()->set_payload_json(
          R"({"checkpoint":"","was_paused":true})");
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
  stage(std::move(fact), std::move(blobs));
  end_stream();
}

void durable_run::stop_at_end() {
  for (auto& stop : std::exchange(at_end_, {})) {
    stops_.push_back({std::move(stop), decided_version_});
    ++stops_owed_;
  }
}

void durable_run::end_stream() {
  if (!options_.ends_stream)
    return;
  facts::Fact last;
  last.mutable_stream_ended();
  *last.mutable_event() = event_of("STREAM_END", "Done");
  last.mutable_event()->set_agent_id("orchestrator");
  stage(std::move(last));
}

/// The end of a run whose coroutine cannot unwind by itself.
void durable_run::end_cancelled() {
  if (std::exchange(closing_, true))
    return;
  phase_ = phase::running;
  while (auto* op = first_) {
    if (op->kind_ == operation::kind::effect && !op->work
        && op->stops_when_dropped)
      stop_attempt(*op, op->attempt_);
    unlink(*op);
  }
}

// -- parked -------------------------------------------------------------------

void durable_run::park(std::string reason, std::int64_t now_us) {
  if ((phase_ != phase::running && phase_ != phase::empty) || closing_)
    return;
  now_us_ = now_us;
  if (cancelling_) { // A person has decided already.
    end_cancelled();
    return go_on();
  }
  facts::Fact fact;
  fact.mutable_run_parked()->set_reason(reason);
  *fact.mutable_event() = event_of("WARNING", "Needs an operator: " + reason);
  failure_ = {errc::mismatch, std::move(reason), false, std::nullopt};
  stand_still(std::move(fact));
  go_on();
}

/// Parked from here on: says so once in the log, and nothing runs behind it.
void durable_run::stand_still(facts::Fact fact) {
  phase_ = phase::parked;
  if (std::exchange(parked_on_disk_, true))
    status_ = store::log_status::needs_operator;
  else
    stage(std::move(fact));
  for (auto* op = first_; op; op = op->after_)
    if (!op->meets_earlier) // Asked for again, it meets this one.
      stop_effect(*op);
}

bool durable_run::resume(std::string by, std::string reason,
                         std::vector<facts::StepId> forget,
                         std::int64_t now_us) {
  if (phase_ != phase::parked || cancel_staged_ || resumed_)
    return false;
  now_us_ = now_us;
  facts::Fact fact;
  auto& resumed = *fact.mutable_run_resumed();
  *fact.mutable_event() = event_of("WORKFLOW_RESUMED", reason);
  fact.mutable_event()->set_agent_id("orchestrator");
  resumed.set_by(std::move(by));
  resumed.set_reason(std::move(reason));
  for (auto& step : forget)
    *resumed.add_forgotten() = std::move(step);
  stage(std::move(fact));
  go_on();
  return true;
}

// -- anew ---------------------------------------------------------------------

/// The program wants to continue as new: its frames go, and with them what
/// they wait for. The next turn begins once that is on disk.
void durable_run::begin_again() {
  if (!again_ || again_staged_ || phase_ != phase::running || cancelling_)
    return;
  // Signals and a cancel that came meanwhile stand before the new turn in the
  // log, where nobody looks again: they are taken in first, and carried over.
  if (applied_ != decided_.size())
    return;
  root_.reset();
  stop_at_end();
  if (stops_owed_ > 0)
    return; // As at the end.
  again_staged_ = true;
  bodies blobs;
  auto fact = continued(blobs);
  stage(std::move(fact), std::move(blobs));
}

/// What outlives the turn.
facts::Fact durable_run::continued(bodies& blobs) const {
  facts::Fact fact;
  auto& anew = *fact.mutable_run_continued();
  *anew.mutable_input() = body_of(*again_, false, blobs);
  std::set<std::string> waiting;
  for (const auto& [name, signals] : signals_)
    for (const auto& signal : signals) {
      *anew.add_signals() = signal;
      waiting.insert(name + '\x1f' + signal.signal_id());
    }
  for (const auto& [name, known] : children_) {
    auto& carried = *anew.add_children();
    carried.set_child(name);
    carried.set_child_version(known.seen);
  }
  *anew.mutable_usage() = usage_;
  for (const auto& use : models_)
    *anew.add_models() = use;
  anew.mutable_attributes()->insert(attributes_.begin(), attributes_.end());
  anew.set_kind(kind_);
  anew.set_strategy(strategy_);
  anew.set_started_at_us(started_at_us_);
  if (pause_) {
    anew.mutable_paused()->set_reason(pause_->reason());
    anew.mutable_paused()->set_by(pause_->by());
    anew.set_paused_at_us(pause_->at_us());
  }
  std::vector<std::pair<std::uint64_t, const std::string*>> taken;
  for (const auto& [id, turn] : signals_seen_)
    if (waiting.count(id) == 0)
      taken.emplace_back(turn, &id);
  std::sort(taken.begin(), taken.end());
  auto from = taken.size() > options_.signals_seen_max
                  ? taken.size() - options_.signals_seen_max
                  : 0;
  for (auto i = from; i < taken.size(); ++i)
    anew.add_signals_seen(*taken[i].second);
  *fact.mutable_event() = event_of("WORKFLOW_CONTINUED", "Continues as new");
  fact.mutable_event()->set_agent_id("orchestrator");
  return fact;
}

} // namespace shannon::workflow
