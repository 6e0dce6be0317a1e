#pragma once

#include "nodes/services/private_redis.hpp"
#include "tests/cluster/ownership_audit.hpp"
#include "tests/cluster/real_cluster.hpp"
#include "tests/integration/faults/fault_table.hpp"
#include "tests/integration/faults/ledger_check.hpp"
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
  void disturb_links();
  void restart_postgres_fast();
  void restart_postgres_at_once();
  void kill_postgres();
  void freeze_postgres();
  void lose_acknowledgements();
  void kill_redis();

private:
  using milliseconds = std::chrono::milliseconds;

  bool has(const char* id) const;
  void prepare();
  void prepare_detours();
  void prepare_redis();
  void start(unsigned node);
  void play();
  void make(const fault& one);
  std::vector<unsigned> ready_nodes() const;
  void await_ready(std::size_t count, std::chrono::seconds most);
  void check();
  void await_ends();
  std::string what_is_left();
  void check_tasks(const load_report& seen);
  void check_ledger_of();

  int draw(int from, int to);
  unsigned draw_node();
  /// The drawn one, or the next that is ready.
  unsigned draw_ready_node();
  /// Sleeps, and takes what nodes log meanwhile.
  void pause(milliseconds how_long);
  bool is_ready(unsigned node) const;
  void time_ready(std::size_t before);
  double counter(unsigned node, const std::string& name);
  double refusals(unsigned node);
  double doubts(const std::vector<unsigned>& of);
  void await_refusals(unsigned node, double before);

  storm_options options_;
  std::minstd_rand chance_;
  std::unique_ptr<real_cluster> cluster_;
  std::unique_ptr<ownership_audit> audit_;
  std::vector<std::unique_ptr<cut_wire>> wires_;
  std::vector<std::unique_ptr<tcp_detour>> detours_;
  std::optional<services::private_redis> redis_;
  std::string redis_folder_;
  std::unique_ptr<storm_load> load_;

  std::vector<fault_span> spans_;
  std::vector<std::string> played_;
  std::int64_t since_us_ = 0;
  std::int64_t from_us_ = 0;
  std::int64_t until_us_ = 0;
  std::int64_t able_us_ = 0;
  int long_sleeps_ = 0;
  double refused_ = 0;
  double doubts_ = 0;
  std::vector<double> ready_seconds_;
};

} // namespace shannon::test
