#pragma once

#include "actors/kit/actor_base.hpp"
#include "actors/workflow/activator.hpp"
#include "actors/workflow/engine/run.hpp"
#include "config/settings.hpp"
#include "metrics/run_metrics.hpp"
#include "protocols/ids.hpp"
#include "protocols/remote/llm.pb.h"
#include "protocols/remote/workflow.pb.h"
#include "protocols/store.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <typeindex>
#include <vector>

namespace shannon::workflow {

/// The shell around one `durable_run`: what WORKFLOW and AGENT have in common.
/// Reads the log, appends what the run decides, carries out its effects, and
/// goes when the run has ended, or when it waits and has done so for a while.
/// It decides nothing itself.
///
/// Time is the database's, as the ACTIVATOR last heard it: a timer that is due
/// here is due there.
///
/// While its node holds no lease it appends nothing, and begins no effect: if
/// somebody else carries the run by then, it is that one's to begin.
///
/// Four ends of an append: the receipt goes to the run; `unavailable` and
/// `overloaded` are tried again, for ever, since nothing was written; anything
/// else ends the actor, because only the log can tell what is stored, and its
/// activator brings it back from there.
class durable_actor : public kit::actor_base {
public:
  struct parts {
    config::run_settings settings;
    config::llm_settings llm;
    metrics::run_metrics& metrics;
  };

  /// `code` may be empty if the role finds the program of each log.
  durable_actor(caf::actor_config& cfg, kit::actor_env& env, activation what,
                parts with, program code, run_options options);

protected:
  // -- what a role adds -------------------------------------------------------

  /// Messages of the role. Each waits until the log is read.
  virtual kit::handlers role_handlers() = 0;

  /// The log does not exist yet and this message brings it to life: stage its
  /// first fact with `create`. False if this message cannot.
  virtual bool born_from(const envelope& mail) = 0;

  /// The program of this name; null for one this build does not know, and the
  /// run is parked. Default: the one program of the role.
  virtual const program* find_program(const std::string& strategy) {
    return strategy.empty() || code_ ? &code_ : nullptr;
  }

  /// Effects other than `llm`, `tool` and `tools`.
  virtual void start_effect(const durable_run::effect_start& what) = 0;
  /// Once that is taken, or nobody is there to take it: `run().stop_taken`.
  virtual void stop_effect(const durable_run::effect_stop& what) = 0;

  /// A fact is on disk, in order; not called for facts read back.
  virtual void stored(log_version version, const facts::Fact& fact) = 0;

  /// The log was read, or created by `born_from`: the run is live from here.
  /// Comes again when a parked run goes on, and has been read anew.
  virtual void recovered(bool created) = 0;

  /// New head summary after these facts, or none to keep the old.
  virtual std::optional<std::string>
  summary(const std::vector<facts::Fact>& facts) = 0;

  /// May the actor go once its run has ended? Asked after each event.
  virtual bool may_retire() const {
    return true;
  }

  /// Must another log hear of this run's end still? Then the run is brought
  /// back after a crash although it has ended.
  virtual bool owes_end() const {
    return false;
  }

  /// May it go while its run waits? Not with mail it has kept, or if somebody
  /// listens who would not hear what happens later.
  virtual bool may_rest() {
    return true;
  }

  /// The effects under way are runs of their own, which are on disk and tell
  /// their ends by themselves: it need not be there while they go on.
  virtual bool waits_for_others() const {
    return false;
  }

  /// That the run is paused, or goes on, is on disk.
  virtual void pause_changed() {}

  /// The actor ends: mail the role has kept is handed back.
  virtual void give_up_mail() {}

  // -- what a role uses -------------------------------------------------------

  /// Nobody must hear of the end any more.
  void end_told();
  void create(store::log_birth birth, facts::RunStarted started,
              facts::Event event, std::vector<std::string> bodies = {},
              std::optional<store::session_opening> opens = {});
  /// Only while it is `live`, as in handlers.
  durable_run& run() noexcept {
    return *run_;
  }
  /// False while the log is being read: what an answer says must wait.
  bool live() const noexcept {
    return live_;
  }
  const log_id& log() const noexcept {
    return what_.log;
  }
  const store::log_birth& birth() const noexcept {
    return birth_;
  }
  /// Which program carries the run.
  const std::string& strategy() const noexcept {
    return strategy_;
  }
  /// Who started the run and wants to hear of its end, as the log has it.
  const facts::Origin& origin() const noexcept {
    return origin_;
  }
  const parts& with() const noexcept {
    return with_;
  }
  std::int64_t now_us();
  /// After anything happened to the run: append, start, stop, sleep, go.
  void pump();
  remote::EffectContext effect_context(const std::string& step,
                                       std::uint32_t attempt) const;
  void effect_ended(const std::string& key, const std::string& effect,
                    std::uint32_t attempt, std::int64_t started_us,
                    durable_run::effect_outcome outcome);

  // Filled by the role; part of each effect's context.
  std::string task_;
  std::string agent_name_;
  std::string deltas_to_;
  std::string priority_;

private:
  comeback came_back() const noexcept final {
    return {what_.failures, what_.last_failure};
  }

  kit::handlers make_handlers() final;
  void on(const envelope& mail, const remote::SetPaused& msg);
  void answer_pausers();
  void receive(const kit::handler& line, const envelope& mail) final;
  void expired(const envelope& mail) final;
  void started() final;
  void stopping() final;
  void load();
  void loaded(store::log_image image);
  void go_live(bool created);
  void read_again();
  void take_names(const facts::Fact& first);
  void fresh_run(const program& code);
  void append(durable_run::agenda& what);
  void send_append();
  void append_ended(result<store::append_receipt> got);
  void dispatch(const durable_run::effect_start& what);
  bool is_leaving();
  bool may_begin();
  void begin_held_back();
  void call_model(const durable_run::effect_start& what);
  void call_tool(const durable_run::effect_start& what);
  void call_browser(const durable_run::effect_start& what);
  void list_tools(const durable_run::effect_start& what);
  void cancel(const durable_run::effect_stop& what);
  void sleep_until(std::int64_t wake_at_us);
  void work();
  void take_or_leave_place();
  void go_if_done();
  void go_for_good();
  bool waits();
  std::chrono::milliseconds rest_after() const;
  void look_again(std::chrono::milliseconds later);
  void rest();

  activation what_;
  parts with_;
  store::log_birth birth_;
  std::optional<store::session_opening> opens_; ///< With its birth.
  store::log_tail tail_;
  program code_;
  run_options options_;
  std::unique_ptr<durable_run> run_; ///< Null until it is created or read.
  std::string strategy_;
  facts::Origin origin_;
  message_body appending_; ///< A `store::append`; empty when none is.
  std::uint32_t append_retries_ = 0;
  /// Effects that wait for the node's lease.
  std::vector<durable_run::effect_start> held_back_;
  bool live_ = false;
  bool held_ = false; ///< Kept mail is being served: it may not go.
  bool leaving_ = false;
  /// An attempt came back unbegun while the run was to leave; its outcome is
  /// not recorded.
  bool left_undone_ = false;
  /// What the log's row says; nothing: that it does not wait, or has not been
  /// told.
  std::optional<store::log_schedule> scheduled_;
  bool idle_ = false; ///< As the run said last; so is the next.
  std::optional<std::int64_t> wake_at_us_;
  intake::place at_work_;
  bool works_ = true; ///< It has that place.
  std::chrono::steady_clock::time_point append_wished_at_{};
  std::chrono::steady_clock::time_point waits_since_{};
  bool look_armed_ = false;
  std::vector<envelope> early_;     ///< Came before the log was read.
  std::vector<envelope> pausers_;   ///< Wait until their wish is on disk.
  std::set<std::int64_t> wake_ups_; ///< When jobs are under way to `tick`.
};

} // namespace shannon::workflow
