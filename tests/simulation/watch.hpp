#pragma once

#include "protocols/facts/run.pb.h"
#include "tests/simulation/database.hpp"
#include "tests/simulation/effects.hpp"
#include "tests/simulation/parts.hpp"
#include "tests/simulation/world.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace shannon::sim {

/// `StepCompleted main/a#1`, for people.
std::string name_of(const facts::Fact& fact);

/// What must be true, looked at from outside: this sees the tables and the
/// ledger, where nodes know only what they were told. Names of checks are
/// those of the list of invariants, where one stands there.
///
///   I1 gapless versions         I2 checksums chained      I3 epochs
///   I4 the fold is the head     I5 a step ends once
///   I6 effects: no attempt more than crashes explain, none under another's
///      key, none before what led to it is on disk, none that is recorded
///   I7 what is accepted exists, once
///   I8 told events are on disk, in order
///   I10 after healing every run ends
///   I11 no attempt once a cancel is acknowledged, and what was under way is
///       told to stop
///   I17 an epoch of a shard has one owner, and who is awake works only while
///       the database counts its lease
///   I14 timers: never early, and not late once the world is well
///   signals: acknowledged ones are on disk, once, and taken in order
class watch {
public:
  watch(world& everything, database& db, const far_side& effects)
      : everything_(everything), db_(db), effects_(effects) {}

  // -- what happens -----------------------------------------------------------

  void committed(const statement_entry& what);
  void activated(const log_id& log, const std::string& node,
                 std::uint64_t life);
  void rested(const log_id& log, std::uint64_t life);
  /// This life is over, whatever the reason.
  void lost(const log_id& log, std::uint64_t life);
  void unreadable(const log_id& log, const std::string& why);
  /// A node that is awake works on a run: the database must count its lease.
  void works(const std::string& node, const log_id& log,
             std::int64_t lease_until_us);
  /// The run, which knows its log up to `known`, wants this.
  void effect_asked(const ledger_entry& what, log_version known);
  /// It reaches the world.
  void effect_begins(const ledger_entry& what);
  void stopped(const log_id& log, const std::string& key,
               std::uint32_t attempt);
  /// A run waits for this one of its child runs no more.
  void given_up(const log_id& parent, const log_id& child);
  void told(const log_id& log, std::uint64_t life, log_version version,
            const facts::Fact& fact);
  /// A run answers; passed on to who asked.
  void answer(const mail& what, mail::answer how);
  /// A program was given the outcome of another step than it asked for.
  void wrong_outcome(const std::string& asked, const std::string& got);
  /// A program took a signal before the one that was sent before it.
  void signal_skipped(const std::string& name, std::uint64_t expected,
                      std::uint64_t got);
  /// A shard changes hands.
  void claimed(std::uint32_t shard, shard_epoch epoch, const node_id& owner);
  /// Now and then, and at the end.
  void look_around();

  // -- at the end -------------------------------------------------------------

  /// How long the run lived, in hours of the world.
  double hours_of(const log_id& log) const;

  /// Everything about every log, by the product's history checker and by a
  /// replay of the program.
  void finish(const workflow::program& program,
              const workflow::run_options& options);

private:
  struct step {
    std::uint32_t failed = 0;    ///< Last attempt recorded as failed.
    std::uint32_t announced = 0; ///< Last attempt recorded before it was made.
    bool ended = false;
  };
  /// What is on disk of one log.
  struct history {
    std::map<std::string, step> steps;
    std::map<std::string, std::int64_t> timers_due_us;
    std::set<std::string> timers_fired;
    std::map<std::string, unsigned> signals;
    std::uint32_t turn = 0;
    bool started = false;
    std::int64_t since_us = 0;
    std::int64_t until_us = 0;        ///< Of its last fact.
    std::int64_t cancelled_at_us = 0; ///< On disk.
    std::int64_t cancel_told_us = 0;  ///< Acknowledged.
    bool ended = false;
    bool parked = false;
    // Lives of its run.
    std::uint64_t life = 0;
    bool life_open = false;
    log_version told = 0;
  };
  /// All that is known of one attempt.
  struct attempt {
    unsigned begun = 0;
    std::set<std::uint64_t> lives; ///< That wanted it.
    effect_order order;
  };

  history& of(const log_id& log) {
    return logs_[log];
  }
  void take(const log_id& log, history& seen, const facts::Fact& fact);
  void check_given_up(const log_id& log);
  void take_outcome(const log_id& log, const facts::StepCompleted& done);
  void take_timer_fired(const log_id& log, history& seen,
                        const std::string& key);
  void check_end(const log_id& log, const workflow::program& program,
                 const workflow::run_options& options);
  void check_replay(const log_id& log, const workflow::program& program,
                    const workflow::run_options& options);

  world& everything_;
  database& db_;
  const far_side& effects_;
  std::map<log_id, history> logs_;
  std::map<std::string, attempt> attempts_; ///< By attempt key.
  /// When lives began, and when some went by themselves: a running number.
  std::map<std::uint64_t, std::uint64_t> began_;
  std::map<std::uint64_t, std::uint64_t> rested_;
  std::uint64_t moments_ = 0;
  std::map<log_id, std::set<log_id>> given_up_; ///< By parent.
  std::set<std::string> stopped_; ///< Attempts that were told to stop, by key.
  std::set<std::pair<std::uint32_t, shard_epoch>> claims_;
  /// What programs see now is on disk.
  bool replaying_ = false;
};

} // namespace shannon::sim
