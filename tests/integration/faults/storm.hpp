#pragma once

#include "nodes/services/private_redis.hpp"
#include "tests/cluster/ownership_audit.hpp"
#include "tests/cluster/real_cluster.hpp"
#include "tests/integration/faults/failpoint_order.hpp"
#include "tests/integration/faults/fault_table.hpp"
#include "tests/integration/faults/ledger_check.hpp"
#include "tests/integration/faults/moved_clock.hpp"
#include "tests/integration/faults/node_figures.hpp"
#include "tests/integration/faults/storm_load.hpp"
#include "tests/integration/faults/storm_options.hpp"
#include "tests/integration/faults/tcp_detour.hpp"
#include "tests/store/cut_wire.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace shannon::test {

/// Three nodes that play every role, under load, while faults of one seed come
/// over them; then all is healed, and what came of it is checked.
class storm {
public:
  explicit storm(storm_options options);
  ~storm();

  /// Catch2 assertions, all with the command that repeats this storm.
  void run();

  // What `fault_table()` names: each makes its fault and heals it.
  void kill_one();
  void kill_two_then_all();
  void end_one_in_order();
  void freeze_one();
  void cut_one_from_postgres();
  void cut_one_way_from_postgres();
  void part_from_peers();
  void flap_links();
  void send_bad_frames();
  void disturb_links();
  void restart_postgres_fast();
  void restart_postgres_at_once();
  void kill_postgres();
  void freeze_postgres();
  void exhaust_connections();
  void fail_statements();
  void lose_acknowledgements();
  void kill_redis();
  void freeze_redis();
  void slow_redis();
  void fill_redis();
  void flush_redis();
  void kill_at_work();
  void kill_at_hand_over();
  void stop_at_points();
  void throw_in_handlers();
  void isolate_one();
  void part_two();
  void swizzle();
  void move_clock_of_one();

private:
  using milliseconds = std::chrono::milliseconds;

  static constexpr unsigned nodes_max = 3;
  /// Beside them, where Redis is disturbed; carries nothing.
  static constexpr unsigned door = nodes_max;

  bool has(std::initializer_list<const char*> any) const;
  bool has_any_but(std::initializer_list<const char*> these) const;
  /// What goes on from here, for the report of how long each took.
  void enter(const char* phase);
  void tell_phases();
  void prepare();
  void prepare_detours();
  void prepare_redis();
  std::string ask_redis(const std::string& order);
  void prepare_door();
  double counted(const std::string& where);
  std::vector<double> time_answers(milliseconds how_long);
  void check_door(std::vector<double> took, double counted_before);
  void prepare_failing_statements();
  /// `order`: what it is to do at its failpoints.
  void start(unsigned node, const std::string& order = {});
  void play();
  void make(const fault& one);
  /// What explains calls that are made again. A fault that consists of several
  /// begins and ends one for each; `kind` is its own if none is named.
  void begin_span(const char* kind = nullptr);
  void span_from(std::int64_t us) {
    from_us_ = us;
  }
  void end_span();
  void arm(unsigned node, const std::string& order);
  void start_armed(unsigned node, const std::string& order);
  bool is_blown(unsigned node, const std::string& name,
                std::chrono::milliseconds most);
  void await_blow(unsigned node, const std::string& name);
  void await_kill(unsigned node, const std::string& name);
  void kill_as_it_takes(const char* name, int pass_max);
  void kill_as_it_gives(const char* name);
  std::vector<unsigned> ready_nodes() const;
  void await_ready(std::size_t count, std::chrono::seconds most);
  void check();
  void await_ends();
  std::string what_is_left();
  void check_tasks(const load_report& seen);
  cancel_seen cancel_of(const accepted_task& task) const;
  void check_ledger_of(const load_report& seen);
  void check_workloads(const load_report& seen);
  void check_trees(const load_report& seen);
  void check_decisions(const load_report& seen);
  void check_replays(const load_report& seen);
  void look_at_counters();
  void check_rest();
  void check_sums();

  int draw(int from, int to);
  unsigned draw_node();
  /// The drawn one, or the next that is ready.
  unsigned draw_ready_node();
  /// Sleeps, and takes what nodes log meanwhile.
  void pause(milliseconds how_long);
  bool is_ready(unsigned node) const;
  void time_ready(std::size_t before);
  double counter(unsigned node, const std::string& name);
  double counter_of_all(const std::string& name);
  double refusals(unsigned node);
  double doubts(const std::vector<unsigned>& of);
  void await_refusals(unsigned node, double before);

  storm_options options_;
  std::minstd_rand chance_;
  std::unique_ptr<real_cluster> cluster_;
  std::unique_ptr<ownership_audit> audit_;
  std::vector<std::unique_ptr<cut_wire>> wires_;
  std::vector<std::unique_ptr<tcp_detour>> detours_;
  std::vector<moved_clock> clocks_;
  std::vector<failpoint_order> orders_; ///< One for each node.
  std::size_t armed_at_ = 0; ///< Where its log began to be of that order.
  std::optional<services::private_redis> redis_;
  std::string redis_folder_;
  std::string door_key_;
  std::unique_ptr<storm_load> load_;

  std::vector<holdings> fresh_;    ///< Of each node, before anything came.
  std::map<pid_t, figures> lives_; ///< As each process counted last.
  std::vector<fault_span> spans_;
  std::vector<std::string> played_;
  using entered = std::pair<const char*, std::chrono::steady_clock::time_point>;
  std::vector<entered> phases_;
  const fault* making_ = nullptr;
  std::string span_kind_; ///< Empty: none is open.
  std::int64_t since_us_ = 0;
  std::int64_t from_us_ = 0;
  std::int64_t until_us_ = 0;
  std::int64_t able_us_ = 0;
  int long_sleeps_ = 0;
  double refused_ = 0;
  double doubts_ = 0;
  std::vector<double> ready_seconds_;
  /// After each fault, how many times as long as alone everything takes: what
  /// is to be over in so many seconds has as many times more.
  std::vector<double> slowness_;
};

} // namespace shannon::test
