#pragma once

#include "actors/cluster/ownership.hpp"
#include "actors/workflow/activation_table.hpp"
#include "actors/workflow/database_clock.hpp"
#include "actors/workflow/due_watch.hpp"
#include "tests/simulation/actor.hpp"
#include "tests/simulation/link.hpp"
#include "tests/simulation/writer.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace shannon::sim {

/// One process of the cluster: the product's ownership, activation table and
/// due watch, the runs they bring to life, and what carries out their orders.
///
/// It can die at any moment, and is started again with nothing in memory; it
/// can freeze, and wakes up with all that came meanwhile, still believing what
/// it believed; its clock is its own.
class node {
public:
  node(parts& with, unsigned number);

  void start();
  void crash();
  void freeze(std::int64_t for_us);
  void cut_off(std::int64_t for_us);
  void deliver(const mail& what);

  bool up() const noexcept {
    return process_ != nullptr;
  }
  bool frozen() const noexcept {
    return frozen_;
  }
  const std::string& name() const noexcept {
    return name_;
  }
  /// That life of the run, or with 0 any; null if there is none.
  actor* find(const log_id& log, std::uint64_t life);

  // -- what its runs use ------------------------------------------------------

  parts& with() noexcept {
    return with_;
  }
  /// The database's clock, as far as this node knows it.
  std::int64_t now_us() const;
  std::function<void()> guard(std::function<void()> what);
  /// Calls `what` with the run, if that life of it goes on.
  std::function<void()> later(const actor& who,
                              std::function<void(actor&)> what);
  template <class T>
  void ask(std::string_view what, std::function<T(database&)> run,
           std::function<void(std::optional<T>)> done) {
    process_->db.ask<T>(what, std::move(run), std::move(done));
  }
  void append(store::append what, writer::receipt done) {
    process_->appends.submit(std::move(what), std::move(done));
  }
  /// Orders for the world outside: they keep their order, and between asking
  /// and doing the process can die.
  void to_far_side(std::function<void()> what);
  /// Nothing without a lease, although it has the shard.
  std::optional<shard_epoch> epoch_of(const log_id& log) const;
  bool has_shard_of(const log_id& log) const;
  /// Says that it works on this run, for the checks.
  void works(const log_id& log);
  void settled(const actor& who, log_version version);
  void passive(const actor& who, std::optional<std::int64_t> wake_at_us);
  void down(const actor& who, workflow::activation_table::end how);

private:
  using table = workflow::activation_table;
  using steady = std::chrono::steady_clock::time_point;

  /// What a crash takes with it.
  struct process {
    process(node& home, node_id self);
    link db;
    writer appends;
    cluster::ownership own;
    table runs;
    workflow::due_watch due;
    workflow::database_clock clock;
    std::map<log_id, std::unique_ptr<actor>> actors;
    std::map<std::uint32_t, shard_epoch> epochs;
    std::int64_t own_wake_us = 0;
    std::int64_t order_sent_us = 0;
    bool looking = false;
    bool recovering = false;
  };

  steady steady_now() const;
  std::int64_t steady_us() const;
  void obey(table::orders what);
  void run_ownership();
  node_id self() const {
    return node_id{name_ + "#" + std::to_string(incarnation_)};
  }
  void renew(std::int64_t asked_us);
  void read_shards();
  void claim(std::vector<cluster::shard_change> wishes);
  void release(std::vector<std::uint32_t> shards);
  void recover();
  void list_unfinished();
  void look_at(std::optional<workflow::due_watch::moment> when);
  void look_for_due();
  void look_up(const log_id& log);
  void refuse(const envelope_ptr& what, const error& why);
  std::vector<log_id> ours(std::vector<log_id> logs) const;
  void give_up_shard(std::uint32_t shard);
  void thaw();

  parts& with_;
  std::string name_;
  std::int64_t steady_offset_us_;
  std::unique_ptr<process> process_;
  std::uint64_t incarnation_ = 0;
  std::uint64_t lives_ = 0;
  bool frozen_ = false;
  bool waking_ = false;
  std::vector<std::function<void()>> missed_;
  /// Ended in the middle of what they did: gone once that is over.
  std::vector<std::unique_ptr<actor>> leaving_;
};

} // namespace shannon::sim
