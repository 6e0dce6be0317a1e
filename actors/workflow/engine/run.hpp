#pragma once

#include "actors/workflow/engine/durable.hpp"
#include "actors/workflow/engine/operation.hpp"
#include "actors/workflow/engine/places.hpp"
#include "protocols/errc.hpp"
#include "protocols/facts/run.pb.h"
#include "protocols/ids.hpp"
#include "protocols/remote/workflow.pb.h"
#include "protocols/store.hpp"

#include <google/protobuf/arena.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace shannon::workflow {

class context;

/// What a run executes: its coroutine, from the context and the recorded
/// input to the output. Must not keep anything else.
using program
    = std::function<durable<std::string>(context ctx, std::string input)>;

/// Answers a query about the live state.
using query_handler
    = std::function<result<std::string>(std::string_view payload)>;

/// 64 random bits from the system.
std::uint64_t system_entropy();

struct run_options {
  std::uint32_t step_attempts_max = 5;
  std::chrono::milliseconds retry_backoff_min{500};
  std::chrono::milliseconds retry_backoff_max{30'000};
  /// Facts since the run began or continued; a run that has more is parked.
  std::uint32_t facts_max = 50'000;
  std::uint64_t inline_bytes_max = 8 * 1024;
  /// Ids of signals taken that a continued run still knows repeats of; of more
  /// the oldest are forgotten.
  std::uint32_t signals_seen_max = 10'000;
  /// A task's log ends with `StreamEnded`, an agent's does not.
  bool ends_stream = false;
  /// Local steps are handed out in `start` and not carried out: for tools that
  /// only look at a run.
  bool look_only = false;
  /// Uniform in [0, 1): jitter of retries. Its effect is recorded.
  std::function<double()> chance = [] { return 0.5; };
  /// What `random` and `new_id` are made of. Its effect is recorded.
  std::function<std::uint64_t()> entropy = system_entropy;
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
    /// Names the step in the world outside: the text form of `step`, in turns
    /// after the first `@` and what stood before the turn, and once the run was
    /// parked and goes on `+` and the version of `RunResumed`. Steps have the
    /// same places in each turn, and are asked for again by a run that goes on;
    /// what was told to stop must not be.
    std::string key;
    std::string effect;
    std::shared_ptr<const google::protobuf::Message> input;
    std::uint32_t attempt = 1;
    std::string shown_as; ///< As step_options has it.
  };

  struct effect_stop {
    std::string key;
    std::string effect;
    std::uint32_t attempt = 1;
    std::shared_ptr<const google::protobuf::Message> input;
    /// Until `stop_taken` the run neither ends nor begins anew, and a crash
    /// tells it again. Who goes on without this run takes it by an answer; of
    /// others it is enough that they were told.
    bool owed = false;
  };

  /// What the shell must do now.
  struct agenda {
    /// Appended as one group; empty while another group is under way.
    std::vector<facts::Fact> append;
    std::vector<store::blob> blobs;
    std::vector<std::vector<store::blob_hash>> references;
    std::vector<effect_start> start;
    /// Told before `append` is sent.
    std::vector<effect_stop> stop;
    /// Call `tick` then; earlier does no harm.
    std::optional<std::int64_t> wake_at_us;
    /// Nothing is under way and nothing can be started before `wake_at_us` or
    /// before something happens: no memory need be held for the run.
    bool idle = false;
    /// The head's attributes, when `append` changes them.
    std::optional<std::map<std::string, std::string>> attributes;
    /// Place in `append` of a `RunContinued`; then it is the last.
    std::optional<std::uint32_t> base;
    /// The head's status with `append` on disk.
    store::log_status status = store::log_status::queued;
  };

  using effect_outcome = workflow::effect_outcome;

  enum class phase : std::uint8_t { empty, running, parked, ended };

  durable_run(program code, run_options options);
  ~durable_run();
  durable_run(const durable_run&) = delete;
  durable_run& operator=(const durable_run&) = delete;

  // -- life -------------------------------------------------------------------

  /// A new run: decides its first fact, and starts the program. `more` is kept
  /// with the log beside the input, which names it by its SHA-256.
  void begin(facts::RunStarted started, facts::Event event, std::int64_t now_us,
             std::vector<std::string> more = {});

  /// A recorded run: applies its facts in order, from the last place where it
  /// continued as new. `log` begins at version 1 or at such a place; `blobs`
  /// holds every body its facts refer to. Fails if the log cannot be
  /// understood; then `park` and `cancel` are all that can be done with it.
  result<void> replay(const std::vector<store::recorded_fact>& log,
                      const std::map<store::blob_hash, std::string>& blobs,
                      std::int64_t now_us);

  /// Takes what is to be done; each thing is handed out once. Carries out
  /// local steps whose turn it is, and what is due, like `tick`.
  agenda next(std::int64_t now_us);

  /// The group handed out last is on disk.
  void committed(std::int64_t now_us);

  // -- what happens -----------------------------------------------------------

  void effect_ended(const std::string& key, std::uint32_t attempt,
                    effect_outcome outcome, std::int64_t now_us);
  /// A stop that is `owed` will outlive this process, or has nobody left to
  /// tell.
  void stop_taken(const std::string& key, std::uint32_t attempt,
                  std::int64_t now_us);
  void tick(std::int64_t now_us);
  enum class signal_outcome : std::uint8_t {
    staged,   ///< Decided; on disk once `on_stored` tells it.
    repeated, ///< Of this name and id: decided or stored before.
    ended,    ///< The run's end is decided; nothing may follow it.
  };

  /// `told` is what clients see of it, if it says anything. A signal without a
  /// name is that alone: no program hears it, nothing of it is kept.
  signal_outcome signal(std::string name, std::string id, std::string payload,
                        std::int64_t now_us, const facts::Event& told = {});
  /// False if its end is decided or it is being cancelled already.
  bool cancel(std::string reason, std::string by, std::int64_t now_us);
  /// From here on no effect is begun, but what may have begun already and
  /// outlives this process. Cancelling ends it. False if the run is paused
  /// already, parked, being cancelled or at its end.
  bool pause(std::string reason, std::string by, std::int64_t now_us);
  /// A paused run goes on. False if it is not paused.
  bool go_on_from_pause(std::string reason, std::string by,
                        std::int64_t now_us);
  /// A child's fact. Returns the child's last version that is on disk here.
  std::int64_t child_progressed(const std::string& child, std::int64_t version,
                                facts::Event event, std::int64_t now_us);
  /// The shell gives up on the run: parks it for a person. What is under way
  /// is stopped. One that is being cancelled ends instead.
  void park(std::string reason, std::int64_t now_us);
  /// A parked run shall go on, without what was recorded of the steps named in
  /// `forget`: they are asked for anew. Once that is on disk the log must be
  /// read again, by a new run. False if the run is not parked.
  bool resume(std::string by, std::string reason,
              std::vector<facts::StepId> forget, std::int64_t now_us);

  /// Asks the program; changes and records nothing.
  result<std::string> query(const std::string& name,
                            std::string_view payload) const;

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
  bool paused() const noexcept {
    return pause_.has_value();
  }
  /// It was paused at some time: who works for it may have to be told.
  bool ever_paused() const noexcept {
    return ever_paused_;
  }
  /// The last fact decided.
  log_version decided_version() const noexcept {
    return decided_version_;
  }

  /// The fact before this turn; 0 in the first.
  log_version turn() const noexcept {
    return base_version_;
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
  /// The request to let it go on is on disk: this run object is of no more
  /// use, the log must be read again.
  bool must_reread() const noexcept {
    return resumed_ && quiet();
  }
  /// What it waits for and, when it is parked, why.
  remote::RunDescription describe() const;
  std::int64_t child_version(const std::string& child) const;
  /// The child's last fact that is on disk or on its way there.
  std::int64_t child_seen(const std::string& child) const;
  /// Output of a run that completed.
  const std::string& output() const noexcept {
    return output_;
  }
  /// What the run was started with, or continued with.
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
  /// What lists and searches find the run by.
  const std::map<std::string, std::string>& attributes() const noexcept {
    return attributes_;
  }
  /// Called for each fact when it is on disk, in order; not for those read
  /// back.
  std::function<void(log_version, const facts::Fact&)> on_stored;

private:
  friend class operation;
  friend class context;
  friend class cancel_scope;
  friend class query_registration;

  struct decided_fact {
    facts::Fact fact;
    std::vector<store::blob> blobs;
    store::log_status status = store::log_status::queued; ///< With it.
  };
  struct pending_stop {
    effect_stop what;
    log_version after = 0; ///< Told once this fact is on disk.
  };
  struct child {
    std::int64_t seen = 0;   ///< Decided or on disk.
    std::int64_t stored = 0; ///< On disk.
  };
  using bodies = std::vector<store::blob>;

  // What operation and context ask (admit.cpp).
  bool admit(operation& op);
  bool admit_effect(operation& op);
  bool admit_timer(operation& op);
  bool admit_signal(operation& op);
  void make_ready(operation& op);
  void announce(operation& op);
  std::int64_t deadline_of(const operation& op);
  bool is_same_input(const operation& op, const slot& known) const;
  void mismatch(const operation& op, const slot& known);
  void completed(operation& op);
  std::string note(const place& where, facts::Event event,
                   const std::function<std::string()>& value);
  void set_attributes(const place& where,
                      std::map<std::string, std::string> attributes);
  void continue_with(std::string input);

  // Who waits (waiting.cpp).
  void wait(operation& op);
  void unlink(operation& op);
  void drop(operation& op) noexcept;
  void resolve(operation& op, result<std::string> outcome);
  void set_alarm(operation& op);
  void stop_effect(operation& op);
  void stop_lost(const operation& op);
  void stop_lost(const operation& op, std::uint32_t attempt, errc why);
  void stop_twin(const operation& op, std::uint32_t attempt);
  void stop_attempt(const operation& op, std::uint32_t attempt);
  std::string outside_name(const operation& op) const;
  log_version resumed_before(const operation& op, const slot& known) const;

  // Cancelling (cancelling.cpp).
  const error* cancelled_by(const cancel_state* scope) const;
  void cancel_branch(cancel_state& scope, error why);
  void cancel_all();
  void wind_clock(const operation& op);

  // Paused (pausing.cpp).
  facts::Event pause_event(const char* what, std::string reason) const;
  bool is_held(const operation& op) const;
  void begin_pause(const facts::PauseRequested& why, std::int64_t at_us);
  void say_paused();

  // What follows from what (run.cpp).
  void stage(facts::Fact fact, bodies blobs = {});
  void go_on();
  void drain();
  void finish_if_done();
  void stop_at_end();
  void end_stream();
  void keep_limit();
  void hand_out_stops(agenda& what);
  void start_ready(agenda& what);
  void carry_out(operation& op);
  void take_group(agenda& what);
  facts::Body body_of(std::string bytes, bool always_blob, bodies& blobs) const;

  // Ends of attempts and times (happenings.cpp).
  void outcome_of(operation& op, effect_outcome outcome);
  bool is_retried(const operation& op, const error& why) const;
  std::chrono::milliseconds pause_after(const operation& op,
                                        const error& why) const;
  void ring(operation& op);
  void expire(operation& op);

  // Parked, ended, continued (endings.cpp).
  void stand_still(facts::Fact fact);
  void end_cancelled();
  void begin_again();
  facts::Fact continued(bodies& blobs) const;

  // How facts become state (apply.cpp, replay.cpp).
  result<void> apply(const facts::Fact& fact, const bodies& own);
  result<void> start_program(const facts::Body& input, const bodies& own);
  result<void> apply_outcome(const facts::StepCompleted& fact,
                             const bodies& own);
  result<void> apply_continued(const facts::RunContinued& fact,
                               const bodies& own);
  void apply_attempt(const facts::AttemptFailed& fact);
  void apply_failure(const facts::StepFailed& fact);
  void apply_timer(const facts::TimerFired& fact);
  void apply_signal(const facts::SignalReceived& fact);
  void apply_cancel(const facts::Fact& fact);
  void apply_end(store::log_status status, error why);
  void apply_parked(const facts::RunParked& fact);
  void settle(const facts::StepId& step, result<std::string> outcome);
  slot* slot_of(const facts::StepId& step);
  result<std::string> bytes_of(const facts::Body& body,
                               const bodies& own) const;
  void count(const facts::StepCompleted& fact);
  result<std::size_t> read_all(const std::vector<store::recorded_fact>& log,
                               std::vector<facts::Fact*>& parsed,
                               google::protobuf::Arena& arena);
  void index(const facts::Fact& fact, std::size_t at, log_version version);
  void forget(const facts::RunResumed& fact, std::size_t at,
              log_version version);
  void replay_ended(std::int64_t now_us);

  program code_;
  run_options options_;
  phase phase_ = phase::empty;
  store::log_status status_ = store::log_status::queued;
  log_version base_version_ = 0; ///< Before the first fact of this turn.
  log_version decided_version_ = 0;
  log_version stored_version_ = 0;
  log_version cancel_version_ = 0; ///< Of CancelRequested.
  std::int64_t cancel_at_us_ = 0;
  std::int64_t now_us_ = 0;
  bool replaying_ = false;
  bool going_on_ = false; ///< Inside `go_on`.
  bool cancel_staged_ = false;
  bool cancelling_ = false;
  bool closing_ = false;   ///< Nothing is left to do but to end.
  bool finishing_ = false; ///< The end is decided.
  bool resumed_ = false;
  bool parked_on_disk_ = false; ///< The log says already that it is parked.
  std::string kind_;
  std::string strategy_;
  std::string input_;
  std::int64_t started_at_us_ = 0;
  std::string output_;
  error failure_{errc::ok, {}, false, std::nullopt};
  facts::Usage usage_;
  std::vector<facts::ModelUse> models_;
  std::map<std::string, std::string> attributes_;
  std::unique_ptr<facts::RunParked> parked_;
  std::optional<remote::Pause> pause_;
  bool pause_staged_ = false; ///< Its beginning or its end is decided.
  bool pause_said_ = false;   ///< That nothing is under way any more.
  bool ever_paused_ = false;
  bool was_paused_ = false; ///< When it was cancelled.
  std::string cancelled_by_;
  /// The program wants to begin again with this.
  std::optional<std::string> again_;
  bool again_staged_ = false;

  // Decided and not on disk: first the group that was handed out, in all
  // `applied_` of them applied.
  std::vector<std::unique_ptr<decided_fact>> decided_;
  std::size_t in_flight_ = 0;
  std::size_t applied_ = 0;
  std::size_t on_disk_ = 0; ///< Inside `committed`: as many are on disk.

  // While the log is replayed: its bodies, and the place of the fact that is
  // being applied.
  const std::map<store::blob_hash, std::string>* recorded_blobs_ = nullptr;
  std::size_t replay_at_ = 0;
  std::size_t resumed_at_ = 0; ///< Place after the last RunResumed.
  log_version resumed_by_ = 0; ///< Its version; 0: none in this turn.

  // What the log holds, by place.
  place_table places_;
  std::map<std::string, std::vector<facts::SignalReceived>> signals_;
  /// Name and id of each signal, by which a repeat is known, and its turn.
  std::map<std::string, std::uint64_t> signals_seen_;
  std::map<std::string, child> children_;

  // What the coroutine waits for.
  operation* first_ = nullptr;
  operation* last_ = nullptr;
  std::uint64_t asked_total_ = 0;
  std::vector<operation*> listening_; ///< For signals, in the order of asking.
  std::vector<operation*> queued_;    ///< Effects to be started.
  std::size_t under_way_ = 0;
  /// By time, then in the order of asking.
  std::map<std::pair<std::int64_t, std::uint64_t>, operation*> alarms_;
  /// Effects that may be ended from outside, by key.
  std::unordered_map<std::string, operation*> started_;
  std::vector<operation*> ready_;
  std::vector<pending_stop> stops_;
  std::vector<effect_stop> stops_told_; ///< Owed, and not taken yet.
  std::size_t stops_owed_ = 0;          ///< Those, and those not told yet.
  /// What has completed here and is to stop when the run ends.
  std::vector<effect_stop> at_end_;
  std::map<std::string, const query_handler*, std::less<>> queries_;

  // Last: its frames refer to all of the above.
  durable<std::string> root_;
};

} // namespace shannon::workflow
