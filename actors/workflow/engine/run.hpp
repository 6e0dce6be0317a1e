#pragma once

#include "actors/workflow/engine/durable.hpp"
#include "actors/workflow/engine/operation.hpp"
#include "protocols/errc.hpp"
#include "protocols/facts/run.pb.h"
#include "protocols/ids.hpp"
#include "protocols/store.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace shannon::workflow {

class context;

/// What a run executes: its coroutine, from the context and the recorded
/// input to the output. Must not keep anything else.
using program
    = std::function<durable<std::string>(context ctx, std::string input)>;

struct run_options {
  std::uint32_t step_attempts_max = 5;
  std::chrono::milliseconds retry_backoff_min{500};
  std::chrono::milliseconds retry_backoff_max{30'000};
  std::uint32_t facts_max = 50'000;
  std::uint64_t inline_bytes_max = 8 * 1024;
  /// A task's log ends with `StreamEnded`, an agent's does not.
  bool ends_stream = false;
  /// Uniform in [0, 1): jitter of retries. Its effect is recorded.
  std::function<double()> chance = [] { return 0.5; };
};

/// One durable run: a coroutine and its log. Pure: no actors, sockets, threads
/// or clock, so a simulator can run a million of them.
///
/// Facts are decided (staged), handed out to be appended one group at a time,
/// and applied only when `committed` says they are on disk; only then does the
/// coroutine go on. Replay applies recorded facts the same way. So what a
/// coroutine sees is always recorded, and recorded steps never run again:
///
///     outcome of an effect ──> staged ──next()──> appended ──committed()──>
///     applied ──> coroutine resumes ──> new effects ──next()──> started
///
/// An effect starts only after every fact staged before it is on disk.
class durable_run {
public:
  struct effect_start {
    facts::StepId step;
    std::string key; ///< Text form of `step`.
    std::string effect;
    std::shared_ptr<const google::protobuf::Message> input;
    std::uint32_t attempt = 1;
  };

  struct effect_stop {
    std::string key;
    std::string effect;
    std::uint32_t attempt = 1;
    std::shared_ptr<const google::protobuf::Message> input;
  };

  /// What the shell must do now.
  struct agenda {
    /// Appended as one group; empty while another group is under way.
    std::vector<facts::Fact> append;
    std::vector<store::blob> blobs;
    std::vector<std::vector<store::blob_hash>> references;
    std::vector<effect_start> start;
    std::vector<effect_stop> stop;
    /// Call `tick` then; earlier does no harm.
    std::optional<std::int64_t> wake_at_us;
    /// Nothing is under way and nothing can be started before `wake_at_us` or
    /// before something happens: no memory need be held for the run.
    bool idle = false;
    /// The head's attributes, when `append` changes them.
    std::optional<std::map<std::string, std::string>> attributes;
    /// Place in `append` of a `RunContinued`.
    std::optional<std::uint32_t> base;
  };

  struct effect_outcome {
    result<std::string> output;
    facts::Usage usage;
    std::vector<facts::ModelUse> models;
    std::int64_t duration_us = 0;
  };

  enum class phase : std::uint8_t { empty, running, parked, ended };

  durable_run(program code, run_options options);
  ~durable_run();
  durable_run(const durable_run&) = delete;
  durable_run& operator=(const durable_run&) = delete;

  // -- life -------------------------------------------------------------------

  /// A new run: stages its first fact.
  void begin(facts::RunStarted started, facts::Event event,
             std::int64_t now_us);

  /// A recorded run: applies its facts in order. `blobs` holds every body
  /// they refer to. Fails if the log cannot be understood; then `park` and
  /// `cancel` are all that can be done with the run.
  result<void> replay(const std::vector<store::recorded_fact>& log,
                      const std::map<store::blob_hash, std::string>& blobs,
                      std::int64_t now_us);

  /// Takes what is to be done; each thing is handed out once.
  agenda next(std::int64_t now_us);

  /// The group handed out last is on disk.
  void committed(std::int64_t now_us);

  // -- what happens -----------------------------------------------------------

  void effect_ended(const std::string& key, std::uint32_t attempt,
                    effect_outcome outcome, std::int64_t now_us);
  void tick(std::int64_t now_us);
  enum class signal_outcome : std::uint8_t {
    staged,
    repeated, ///< Of this name and id: staged or stored before.
    ended,    ///< The run's end is decided; nothing may follow it.
  };

  signal_outcome signal(std::string name, std::string id, std::string payload,
                        std::int64_t now_us);
  /// False if the run has ended or is being cancelled already.
  bool cancel(std::string reason, std::string by, std::int64_t now_us);
  /// A child's fact. Returns the child's last version that is on disk here.
  std::int64_t child_progressed(const std::string& child, std::int64_t version,
                                facts::Event event, std::int64_t now_us);
  /// The shell gives up on the run: parks it for a person. What is under way
  /// is stopped. One that is being cancelled ends instead.
  void park(std::string reason, std::int64_t now_us);

  // -- state ------------------------------------------------------------------

  phase state() const noexcept {
    return phase_;
  }
  /// The last fact applied.
  log_version version() const noexcept {
    return version_;
  }
  bool cancelling() const noexcept {
    return cancelling_;
  }
  /// Nothing is staged or being appended.
  bool quiet() const noexcept {
    return staged_.empty() && in_flight_.empty();
  }
  store::log_status status() const noexcept {
    return status_;
  }
  std::int64_t child_version(const std::string& child) const;
  /// The child's last fact that is on disk or on its way there.
  std::int64_t child_seen(const std::string& child) const;
  /// Output of a run that completed; decided first, on disk once it `ended`.
  const std::string& output() const noexcept {
    return output_;
  }
  /// What the run was started with; empty until its first fact is on disk.
  const std::string& input() const noexcept {
    return input_;
  }
  std::int64_t started_at_us() const noexcept {
    return started_at_us_;
  }
  /// Why a run failed, was cancelled or parked.
  const error& failure() const noexcept {
    return failure_;
  }
  /// Sum over all recorded steps.
  const facts::Usage& usage() const noexcept {
    return usage_;
  }
  /// What each model was used for, in order of first use.
  const std::vector<facts::ModelUse>& models() const noexcept {
    return models_;
  }
  /// Called for each fact as it is applied, live ones only.
  std::function<void(log_version, const facts::Fact&)> on_applied;

private:
  friend class operation;
  friend class context;

  struct staged_fact {
    facts::Fact fact;
    std::vector<store::blob> blobs;
  };
  struct recorded_outcome {
    result<std::string> output;
    std::string input_hash;
  };
  struct attempts {
    std::uint32_t failed = 0;
    std::int64_t retry_at_us = 0;
  };
  struct child {
    std::int64_t seen = 0;   ///< Staged or on disk.
    std::int64_t stored = 0; ///< On disk.
  };

  // What operation and context ask.
  facts::StepId place(std::string_view scope, std::string_view key);
  bool admit(operation& op);
  void drop(operation& op) noexcept;
  std::string note(facts::StepId id, facts::Event event,
                   const std::function<std::string()>& value);

  bool admit_effect(operation& op);
  std::int64_t deadline_of(const operation& op);
  void announce_attempts();
  void expire(operation& op, std::int64_t now_us);
  bool admit_timer(operation& op);
  bool admit_signal(operation& op);
  void mismatch(const operation& op, const std::string& recorded);
  void stand_still(facts::Fact fact);
  void end_cancelled();

  void stage(facts::Fact fact, std::vector<store::blob> blobs,
             std::int64_t now_us);
  facts::Body body_of(std::string bytes, bool always_blob,
                      std::vector<store::blob>& blobs) const;
  result<std::string> bytes_of(const facts::Body& body) const;
  result<void> apply(const facts::Fact& fact);
  void apply_start(const facts::StepStarted& fact);
  void apply_attempt(const facts::AttemptFailed& fact);
  void apply_timer(const facts::TimerFired& fact);
  void apply_signal(const facts::SignalReceived& fact);
  result<void> apply_outcome(const facts::StepCompleted& fact);
  void apply_failure(const facts::StepFailed& fact);
  void apply_cancel(const facts::CancelRequested& fact);
  void apply_end(store::log_status status, error why);
  result<void> read_all(const std::vector<store::recorded_fact>& log,
                        std::vector<facts::Fact>& parsed);
  result<void> start_program(const facts::Fact& fact);
  void resolve(operation& op, result<std::string> outcome);
  void drain();
  void finish_if_done();
  void count(const facts::StepCompleted& fact);
  void index(const facts::Fact& fact);
  void stop_effect(operation& op);

  program code_;
  run_options options_;
  phase phase_ = phase::empty;
  store::log_status status_ = store::log_status::queued;
  log_version version_ = 0;
  std::int64_t now_us_ = 0;
  bool replaying_ = false;
  bool cancel_staged_ = false;
  bool cancelling_ = false;
  bool finishing_ = false;
  bool parked_on_disk_ = false; ///< The log says already that it is parked.
  std::string input_;
  std::int64_t started_at_us_ = 0;
  std::string output_;
  error failure_{errc::ok, {}, false, std::nullopt};
  facts::Usage usage_;
  std::vector<facts::ModelUse> models_;

  // Facts on their way to disk.
  std::deque<staged_fact> staged_;
  std::vector<staged_fact> in_flight_;
  std::uint64_t staged_total_ = 0;
  std::uint64_t stored_total_ = 0;
  /// Bodies that facts being applied refer to.
  std::map<store::blob_hash, std::string> blobs_;

  // What the log holds, by place.
  std::unordered_map<std::string, std::uint32_t> occurrences_;
  std::unordered_map<std::string, recorded_outcome> outcomes_;
  std::unordered_map<std::string, std::string> recorded_hashes_;
  std::unordered_map<std::string, attempts> attempts_;
  /// Attempts that were recorded before they were made, by step.
  std::unordered_map<std::string, std::uint32_t> announced_;
  std::unordered_map<std::string, std::string> notes_;
  std::unordered_map<std::string, std::int64_t> timers_;
  std::set<std::string> timers_fired_;
  std::map<std::string, std::deque<std::string>> signals_;
  std::set<std::string> signals_seen_;
  std::map<std::string, child> children_;

  // What the coroutine waits for.
  std::map<std::string, operation*> waiting_;
  std::map<std::string, std::deque<operation*>> listening_;
  std::deque<operation*> ready_;
  std::vector<effect_stop> stops_;

  // Last: its frames refer to all of the above.
  durable<std::string> root_;
};

} // namespace shannon::workflow
