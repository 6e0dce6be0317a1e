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
/// It decides ahead and acts behind. A fact is applied the moment it is
/// decided: the coroutine goes on at once, and what it decides next joins the
/// same append. But nothing leaves the run before the facts it rests on are on
/// disk: effects start and stop, and `on_stored` is called, only behind
/// `committed`. If an append is lost, the owner drops the run and reads the log
/// again: what was decided ahead is forgotten, and nobody has heard of it.
///
///     outcome of an effect, signal, timer, cancel
///        │
///        v                          decided_version()
///     decided and applied <──> coroutine goes on, decides more
///        │
///        │ next(): one group, appended by the owner
///        v                          stored_version()
///     on disk, committed() ──> on_stored, next(): effects start and stop
///
/// Replay applies recorded facts in the same order the same way, so recorded
/// steps never run again. An effect starts only after every fact decided before
/// it was asked for is on disk. The order of facts is the order of deciding.
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
    /// Told before `append` is sent: no end of a run overtakes them.
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
    /// The head's status with `append` on disk.
    store::log_status status = store::log_status::queued;
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

  /// A new run: decides its first fact, and starts the program.
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
    staged,   ///< Decided; on disk once `on_stored` tells it.
    repeated, ///< Of this name and id: decided or stored before.
    ended,    ///< The run's end is decided; nothing may follow it.
  };

  signal_outcome signal(std::string name, std::string id, std::string payload,
                        std::int64_t now_us);
  /// False if its end is decided or it is being cancelled already.
  bool cancel(std::string reason, std::string by, std::int64_t now_us);
  /// A child's fact. Returns the child's last version that is on disk here.
  std::int64_t child_progressed(const std::string& child, std::int64_t version,
                                facts::Event event, std::int64_t now_us);
  /// The shell gives up on the run: parks it for a person. What is under way
  /// is stopped. One that is being cancelled ends instead.
  void park(std::string reason, std::int64_t now_us);

  // -- state ------------------------------------------------------------------

  // What is decided, on disk or not yet. What leaves the run by other ways than
  // `agenda` and `on_stored` must wait until it is `quiet`.

  phase state() const noexcept {
    return phase_;
  }
  store::log_status status() const noexcept {
    return status_;
  }
  bool cancelling() const noexcept {
    return cancelling_;
  }
  /// The last fact decided.
  log_version decided_version() const noexcept {
    return decided_version_;
  }

  // What is on disk.

  /// The last fact on disk.
  log_version stored_version() const noexcept {
    return stored_version_;
  }
  /// All that is decided is on disk.
  bool quiet() const noexcept {
    return stored_version_ == decided_version_;
  }
  /// Its end is on disk.
  bool ended() const noexcept {
    return phase_ == phase::ended && quiet();
  }
  /// The request to cancel it is on disk.
  bool cancel_stored() const noexcept {
    return cancelling_ && cancel_version_ <= stored_version_;
  }
  std::int64_t child_version(const std::string& child) const;
  /// The child's last fact that is on disk or on its way there.
  std::int64_t child_seen(const std::string& child) const;
  /// Output of a run that completed.
  const std::string& output() const noexcept {
    return output_;
  }
  /// What the run was started with.
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
  /// Called for each fact when it is on disk, in order; not for those read
  /// back.
  std::function<void(log_version, const facts::Fact&)> on_stored;

private:
  friend class operation;
  friend class context;

  struct staged_fact {
    facts::Fact fact;
    std::vector<store::blob> blobs;
    store::log_status status = store::log_status::queued; ///< With it.
  };
  struct pending_stop {
    effect_stop what;
    log_version after = 0; ///< Told once this fact is on disk.
    bool owed = false;     ///< The run's end waits until it was told.
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
    std::int64_t seen = 0;   ///< Decided or on disk.
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
  bool announce_attempts();
  std::int64_t due_us(const operation& op) const;
  void expire(operation& op, std::int64_t now_us);
  void outcome_of(operation& op, effect_outcome outcome, std::int64_t now_us);
  bool admit_timer(operation& op);
  bool admit_signal(operation& op);
  void mismatch(const operation& op, const std::string& recorded);
  void stand_still(facts::Fact fact);
  void end_cancelled();

  void stage(facts::Fact fact, std::vector<store::blob> blobs,
             std::int64_t now_us);
  void go_on();
  void take_group(agenda& what);
  void start(operation& op, agenda& what, std::int64_t now_us);
  void look_ahead(agenda& what, std::int64_t now_us);
  void keep_limit();
  facts::Body body_of(std::string bytes, bool always_blob,
                      std::vector<store::blob>& blobs) const;
  result<std::string> bytes_of(const facts::Body& body,
                               const std::vector<store::blob>& own) const;
  result<void> apply(const facts::Fact& fact,
                     const std::vector<store::blob>& own);
  void apply_start(const facts::StepStarted& fact);
  void apply_attempt(const facts::AttemptFailed& fact);
  void apply_timer(const facts::TimerFired& fact);
  void apply_signal(const facts::SignalReceived& fact);
  result<void> apply_outcome(const facts::StepCompleted& fact,
                             const std::vector<store::blob>& own);
  void apply_failure(const facts::StepFailed& fact);
  void apply_cancel(const facts::CancelRequested& fact);
  void apply_end(store::log_status status, error why);
  result<void> read_all(const std::vector<store::recorded_fact>& log,
                        std::vector<facts::Fact>& parsed);
  result<void> start_program(const facts::Fact& fact,
                             const std::vector<store::blob>& own);
  void resolve(operation& op, result<std::string> outcome);
  void drain();
  void finish_if_done();
  void end_stream();
  void count(const facts::StepCompleted& fact);
  void index(const facts::Fact& fact);
  void stop_effect(operation& op);
  void stop_attempt(const operation& op, std::uint32_t attempt);
  void hand_out_stops(agenda& what);

  program code_;
  run_options options_;
  phase phase_ = phase::empty;
  store::log_status status_ = store::log_status::queued;
  log_version decided_version_ = 0;
  log_version stored_version_ = 0;
  log_version cancel_version_ = 0; ///< Of CancelRequested.
  std::int64_t now_us_ = 0;
  bool replaying_ = false;
  bool going_on_ = false; ///< Inside `go_on`.
  bool cancelling_ = false;
  bool closing_ = false;   ///< Nothing is left to do but to end.
  bool finishing_ = false; ///< The end is decided.
  bool parked_on_disk_ = false; ///< The log says already that it is parked.
  std::string input_;
  std::int64_t started_at_us_ = 0;
  std::string output_;
  error failure_{errc::ok, {}, false, std::nullopt};
  facts::Usage usage_;
  std::vector<facts::ModelUse> models_;

  // Facts on their way to disk: what is decided, of which the last `unapplied_`
  // are still to be applied, and before them the group that was handed out.
  std::deque<staged_fact> staged_;
  std::size_t unapplied_ = 0;
  std::vector<staged_fact> in_flight_;
  /// Bodies that recorded facts refer to, while they are replayed.
  const std::map<store::blob_hash, std::string>* recorded_blobs_ = nullptr;

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
  std::deque<pending_stop> stops_;
  std::size_t stops_owed_ = 0;

  // Last: its frames refer to all of the above.
  durable<std::string> root_;
};

} // namespace shannon::workflow
