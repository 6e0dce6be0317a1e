#pragma once

#include "actors/workflow/engine/context.hpp"
#include "actors/workflow/engine/run.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace shannon::workflow {

/// A world in memory for one run: its log, its effects, its clock. Crashing is
/// dropping the run and replaying the log.
class run_driver {
public:
  using effect_handler = std::function<durable_run::effect_outcome(
      const durable_run::effect_start&)>;

  run_driver(program code, effect_handler effects, run_options options = {})
      : code_(std::move(code)), effects_(std::move(effects)),
        options_(std::move(options)) {
    fresh();
  }

  void begin(std::string input) {
    facts::RunStarted first;
    first.mutable_input()->set_inline_(std::move(input));
    facts::Event event;
    event.set_type("WORKFLOW_STARTED");
    run->begin(std::move(first), std::move(event), now_us);
  }

  /// The process dies: what was not appended is gone; effects under way too.
  void crash() {
    pending.clear();
    fresh();
    // A store gives what came since the run continued as new.
    auto from = log.begin() + static_cast<std::ptrdiff_t>(base);
    auto done = run->replay({from, log.end()}, blobs, now_us);
    replay_failed = !done;
  }

  /// One unit of work: append a group, or let one effect end. False when
  /// there is nothing left to do now.
  bool step() {
    auto agenda = run->next(now_us);
    for (auto& start : agenda.start) {
      ++started[start.key];
      pending.push_back(std::move(start));
    }
    bool taken = false;
    for (auto& stop : agenda.stop) {
      stopped.insert(stop.key);
      if (deaf)
        continue;
      std::erase_if(pending, [&](auto& p) {
        return p.key == stop.key && p.attempt == stop.attempt;
      });
      run->stop_taken(stop.key, stop.attempt, now_us);
      taken = taken || stop.owed;
    }
    if (!agenda.append.empty()) {
      if (agenda.base)
        base = log.size() + *agenda.base;
      ++appends;
      status = agenda.status;
      for (auto& fact : agenda.append)
        log.push_back({static_cast<log_version>(log.size() + 1),
                       {},
                       fact.SerializeAsString()});
      for (auto& blob : agenda.blobs)
        blobs[blob.hash] = blob.bytes;
      run->committed(now_us);
      return true;
    }
    if (taken)
      return true;
    auto first
        = std::find_if(pending.begin(), pending.end(),
                       [&](const auto& p) { return !hangs || !hangs(p); });
    if (first != pending.end()) {
      auto start = std::move(*first);
      pending.erase(first);
      now_us += 1000;
      run->effect_ended(start.key, start.attempt, effects_(start), now_us);
      return true;
    }
    if (agenda.wake_at_us) {
      now_us = std::max(now_us, *agenda.wake_at_us);
      run->tick(now_us);
      return true;
    }
    return false;
  }

  /// Until the run waits for something from outside. Bounded.
  void settle() {
    for (int i = 0; i < 10'000 && step(); ++i) {
    }
  }

  facts::Fact fact(std::size_t version) const {
    facts::Fact parsed;
    parsed.ParseFromString(log.at(version - 1).bytes);
    return parsed;
  }

  std::vector<std::string> event_types() const {
    std::vector<std::string> types;
    for (std::size_t i = 1; i <= log.size(); ++i)
      types.push_back(fact(i).event().type());
    return types;
  }

  std::unique_ptr<durable_run> run;
  std::vector<store::recorded_fact> log;
  std::map<store::blob_hash, std::string> blobs;
  std::vector<durable_run::effect_start> pending;
  std::map<std::string, int> started;
  std::set<std::string> stopped;
  /// Effects that never end by themselves.
  std::function<bool(const durable_run::effect_start&)> hangs;
  bool deaf = false;        ///< What is told to stop does not hear it.
  std::size_t base = 0;     ///< Where a replay begins.
  std::size_t happened = 0; ///< For scripts: what has come from outside.
  int appends = 0;
  /// As the head row would have it.
  store::log_status status = store::log_status::queued;
  std::int64_t now_us = 1'000'000;
  bool replay_failed = false;

private:
  void fresh() {
    run = std::make_unique<durable_run>(code_, options_);
  }

  program code_;
  effect_handler effects_;
  run_options options_;
};

} // namespace shannon::workflow
