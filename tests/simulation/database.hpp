#pragma once

#include "actors/cluster/ownership.hpp"
#include "actors/store/append_outcome.hpp"
#include "actors/workflow/history/log_checker.hpp"
#include "protocols/errc.hpp"
#include "protocols/store.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace shannon::sim {

/// Bugs of the store that can be planted by name: where the real logic is SQL
/// or libpq, and a patch of the product would not reach the simulation.
enum class store_fault : std::uint8_t {
  skip_epoch,     ///< An append is not checked against the shard's epoch.
  skip_version,   ///< ... nor against the end of the log.
  ack_unsent,     ///< An append is acknowledged before it is sent.
  claim_no_raise, ///< A claim leaves the epoch as it was.
  due_forgotten,  ///< A timer due while its run is idle is not listed.
  born_twice,     ///< A birth replaces the log that exists.
  schedule_kept,  ///< An append does not change what the log waits for.
  chain_anew,     ///< Each append begins a new chain of checksums.
  half_written,   ///< Of an append only the first fact is kept.
  blobs_lost,     ///< Bodies are not kept.
  owed_forgotten, ///< An end that was not told yet is nobody's after a crash.
};

std::optional<store_fault> store_fault_named(std::string_view name);
std::vector<std::string> store_fault_names();

/// One append as a statement carries it.
struct statement_entry {
  store::append what;
  store::log_tail wanted;
  std::uint32_t shard = 0;
  shard_epoch epoch = 0;
};

struct stored_log {
  store::log_birth birth;
  store::log_tail tail;
  shard_epoch epoch = 0;
  store::log_status status = store::log_status::queued;
  store::log_schedule schedule;
  bool owes_end = false;
  std::map<std::string, std::string> attributes;
  store::log_tail base;
  std::vector<history::log_row> rows;
};

/// PostgreSQL as the store uses it: what its statements do to the tables, each
/// at one moment, and the database's clock. Knows nothing of nodes, delays or
/// losses: those are on the way to it.
class database {
public:
  database(std::uint32_t shards, std::function<std::int64_t()> now_us)
      : shards_(shards), now_us_(std::move(now_us)) {}

  // -- statements -------------------------------------------------------------

  /// Which of the group won. A loser has written nothing.
  std::vector<bool> commit(const std::vector<statement_entry>& group);
  std::vector<store::log_look> look(const std::vector<statement_entry>& group);

  /// The first renewal of a process is its joining. One whose name has gone to
  /// a later process is not among the members it is told.
  cluster::membership renew(const node_id& node,
                            std::chrono::microseconds lease);
  std::vector<cluster::shard_row> read_shards() const {
    return shards_;
  }
  std::vector<cluster::shard_change>
  claim(const node_id& node, const std::vector<cluster::shard_change>& wishes);
  std::vector<cluster::shard_change>
  release(const node_id& node, const std::vector<std::uint32_t>& shards);

  /// Fences the log for `epoch`, then reads it.
  result<store::log_image> open(const log_id& log, std::uint32_t shard,
                                shard_epoch epoch);
  /// Nothing if there is no such log.
  std::optional<store::log_status> status(const log_id& log) const;
  void close(const log_id& log);
  store::log_ids unfinished(const std::string& kind) const;
  store::due_logs due(const std::string& kind) const;

  // -- what only the checks see -----------------------------------------------

  const std::map<log_id, stored_log>& logs() const noexcept {
    return logs_;
  }
  const stored_log* find(const log_id& log) const;
  const std::map<store::blob_hash, std::string>& blobs() const noexcept {
    return blobs_;
  }
  shard_epoch epoch(std::uint32_t shard) const {
    return shards_.at(shard).epoch;
  }
  std::int64_t lease_until_us(const node_id& node) const;

  std::set<store_fault> faults;
  /// The first processes count as if they had been there for long: else what
  /// needs a lease's time happens when the runs are over.
  bool old_cluster = false;
  /// Asked at each renewal: is somebody else, by this number, taken for dead?
  std::function<std::optional<std::size_t>()> misjudges
      = [] { return std::optional<std::size_t>{}; };
  /// Told of each append that won, when it did.
  std::function<void(const statement_entry&)> on_commit;
  /// Told of each claim that was granted.
  std::function<void(const cluster::shard_change&, const node_id&)> on_claim;

private:
  bool wins(const statement_entry& one) const;
  void write(const statement_entry& one);
  bool has(store_fault fault) const {
    return faults.count(fault) != 0;
  }

  /// A row of `nodes`, by the node's name.
  struct lease {
    node_id process;
    std::int64_t until_us = 0;
    std::int64_t held_since_us = 0;
    std::int64_t settles_us = 0;
    bool misjudged = false;
  };
  bool is_live(const node_id& process) const {
    auto at = leases_.find(cluster::name_of(process));
    return at != leases_.end() && !at->second.misjudged
           && lease_until_us(process) > now_us_();
  }

  std::vector<cluster::shard_row> shards_;
  std::map<std::string, lease, std::less<>> leases_;
  std::map<log_id, stored_log> logs_;
  std::map<store::blob_hash, std::string> blobs_;
  std::function<std::int64_t()> now_us_;
};

} // namespace shannon::sim
