#pragma once

#include "actors/workflow/activation_table.hpp"
#include "actors/workflow/engine/run.hpp"
#include "protocols/remote/workflow.pb.h"
#include "tests/simulation/parts.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace shannon::sim {

class node;

/// What the product's durable actor does for its run, on virtual time: reads
/// the log, appends what the run decides, starts and stops its effects, tells
/// who waits, goes when the run waits or has ended. One life of one log.
class actor {
public:
  actor(node& home, workflow::activation_table::start how);

  const log_id& log() const noexcept {
    return how_.log;
  }
  std::uint64_t life() const noexcept {
    return how_.life;
  }
  log_version on_disk() const noexcept {
    return tail_.version;
  }

  void begin();
  void take(const mail& what);
  void effect_ended(const std::string& key, std::uint32_t attempt,
                    workflow::durable_run::effect_outcome outcome);
  /// What its run waits for, for people.
  std::string waits() const;
  /// All mail that nobody has answered yet.
  std::vector<mail> give_up_mail();

private:
  using run_state = workflow::durable_run::phase;

  void fresh_run();
  void load();
  void opened(std::optional<result<store::log_image>> got);
  void loaded(const store::log_image& image);
  void live();
  void born(const mail& what);
  void handle(const mail& what);
  void pump();
  void append(workflow::durable_run::agenda& what);
  void send_append();
  void append_ended(result<store::append_receipt> got);
  void stored(log_version version, const facts::Fact& fact);
  void start_effect(const workflow::durable_run::effect_start& what);
  void begin_held_back();
  void start_child(const workflow::durable_run::effect_start& what);
  log_id child_id(const remote::ChildRun& wish, const std::string& key) const;
  void stop_effect(const workflow::durable_run::effect_stop& what);
  /// Sends until there is an answer or `wanted` says no.
  void insist(mail what, std::function<bool(actor&)> wanted,
              std::function<void(actor&, mail::answer)> then);
  void ask_child(mail start);
  void child_ended(const mail& what);
  void acknowledge_end(const mail& what);
  bool owes_end() const;
  void tell_parent();
  void sleep_until(std::int64_t wake_at_us);
  void rest_or_retire(const workflow::durable_run::agenda& last);
  void rest();
  void carry_out(workflow::durable_run::agenda what);
  void leave(workflow::activation_table::end how);
  void say(const std::string& text);

  node& home_;
  workflow::activation_table::start how_;
  std::unique_ptr<workflow::durable_run> run_;
  store::log_tail tail_;
  store::log_birth birth_;
  std::optional<store::append> appending_;
  std::optional<store::log_schedule> told_schedule_;
  std::uint32_t append_retries_ = 0;
  bool live_ = false;
  bool gone_ = false;
  bool resting_ = false;
  std::vector<mail> early_;
  /// Effects that wait for the node's lease.
  std::vector<workflow::durable_run::effect_start> held_back_;
  std::vector<mail> starters_;
  std::vector<mail> cancellers_;
  std::map<std::string, std::vector<mail>> signalers_;
  std::set<std::int64_t> wake_ups_;
  /// A run that this one has started, or will have.
  struct child {
    std::string key;
    std::uint32_t attempt = 1;
    bool detached = false;
  };
  std::map<log_id, child> children_;
  /// Ends of children, answered once this fact is on disk.
  std::deque<std::pair<log_version, mail>> kept_ends_;
  /// Whom it has yet to tell that it has ended.
  bool parent_told_ = false;
  bool telling_ = false;
};

} // namespace shannon::sim
