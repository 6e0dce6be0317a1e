#pragma once

#include "protocols/cluster.hpp"
#include "protocols/ids.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace shannon::cluster {

struct lease_settings {
  /// How long a node is counted as live after it was last heard of, by the
  /// database's clock. Shorter finds the dead sooner, longer bears slower
  /// databases.
  std::chrono::microseconds lease{2'250'000};
  /// Less than half of the lease: else each is looked at twice.
  std::chrono::microseconds renew_every{1'050'000};
  /// A node stops owning this long before its lease ends: clocks do not run
  /// equally fast everywhere.
  std::chrono::microseconds margin{250'000};
  /// A node without a lease writes nothing, but keeps its runs for this long:
  /// what is under way is not lost to a short outage.
  std::chrono::microseconds give_up_after{0};
};

/// Who of `nodes` owns `shard`: the one whose name's hash with it is the
/// highest. So a node that comes or goes moves only the shards it gets or had,
/// and one that comes back gets its own. Nobody if there are no nodes.
node_id owner_of(std::uint32_t shard, const std::vector<node_id>& nodes);

/// What one node knows of its shards. Pure: knows no clock and no database.
///
///   lease    counted from when its renewal was *asked* for, so that it never
///            outlasts what the database counts; not renewed in time, the node
///            writes nothing
///   claim    raises the epoch that was seen, before any log is read; who saw
///            the same epoch and was later gets nothing. Claimed is what is
///            free, or whose owner is gone: replaced by a process of its name,
///            or without a lease while *this* node has held its own for as
///            long as a lease lasts. So after an outage of the database, which
///            ends all leases, everybody finds what it had
///   lost     a shard that has a higher epoch than ours, or that a settled
///            node should have; the latter is released once its runs have
///            ended here, and then claimed there
///   settled  a newcomer gets shards of others only when it has stayed for a
///            while; what its own process before had it takes at once
///
/// All this keeps two nodes from working on one log most of the time. What
/// makes it harmless when they do is the fence in each append.
///
///        ┌── wished ──claimed──> held ──lost──> leaving ──stopped──┐
///   not ours <──────────── released, or a higher epoch ────────────┘
class ownership {
public:
  ownership(node_id self, lease_settings settings);

  /// What the shell must do now. At most one renewal, reading, claim and
  /// release are under way.
  struct agenda {
    bool renew = false;
    bool read_shards = false;
    std::vector<shard_change> claim;
    std::vector<std::uint32_t> release;
    /// Shards this node owns from here on, and those it owns no more: end
    /// their runs, then say `stopped`.
    std::vector<shard_change> gained;
    std::vector<std::uint32_t> lost;
    /// Call `next` then; earlier does no harm.
    std::int64_t wake_at_us = 0;
  };
  agenda next(std::int64_t now_us);

  // -- what has happened ------------------------------------------------------

  /// The lease is renewed; `asked_us` is when it was asked for.
  void renewed(std::int64_t asked_us, std::int64_t now_us,
               const membership& view);
  void renewal_failed(std::int64_t now_us);
  void shards_read(const std::vector<shard_row>& rows);
  void reading_failed();
  /// From here on this node should own nothing: all its shards leave.
  void drain();
  /// The lease is renewed at once.
  void hurry() noexcept {
    renew_at_us_ = 0;
  }
  bool drains() const noexcept {
    return drains_;
  }
  /// It gives this shard up of its own will, and nobody else has it yet.
  bool leaves(std::uint32_t shard) const {
    return leaving_.count(shard) != 0;
  }
  bool holds(std::uint32_t shard) const {
    return held_.count(shard) != 0;
  }
  /// Nothing is held any more, and nothing is on its way out.
  bool empty() const noexcept {
    return held_.empty() && leaving_.empty() && !claiming_;
  }
  /// What was granted of the wishes handed out last.
  void claimed(const std::vector<shard_change>& granted);
  /// Nobody knows what became of them: the next view tells.
  void claim_failed();
  /// The runs of these shards have ended here.
  void stopped(const std::vector<std::uint32_t>& shards);
  void released(const std::vector<shard_change>& given_up);
  void release_failed();
  /// The shell was started anew: nothing it asked for is answered any more.
  void restarted();

  // -- what is known ----------------------------------------------------------

  bool holds_lease(std::int64_t now_us) const noexcept {
    return now_us < lease_until_us_;
  }
  std::int64_t lease_until_us() const noexcept {
    return lease_until_us_;
  }
  /// Under which epoch this node owns the shard now, if it does.
  std::optional<shard_epoch> epoch_of(std::uint32_t shard,
                                      std::int64_t now_us) const;
  /// It knows who owns what, and has what it could have at once.
  bool told() const noexcept;
  /// It has all shards it would have if everybody had settled.
  bool complete() const;
  std::size_t held() const noexcept {
    return held_.size();
  }
  /// Shard `i` at place `i`, as it was seen last.
  const std::vector<shard_row>& rows() const noexcept {
    return rows_;
  }

private:
  struct leaving {
    shard_epoch epoch = 0;
    bool stopped = false;
  };

  void decide();
  void decide_for(std::uint32_t shard, const std::vector<node_id>& settled,
                  const std::vector<node_id>& live);
  bool is_gone(const node_id& owner) const;
  const member* find(const node_id& process) const;
  /// The live process that has the name of this one.
  const member* heir_of(const node_id& process) const;
  std::vector<node_id> owners(bool settled_only) const;
  bool should_own(std::uint32_t shard, std::vector<node_id> others,
                  bool with_self) const;
  /// Nothing has changed hands since the shards were read.
  bool knows_shards() const;
  void take(std::uint32_t shard, shard_epoch epoch, node_id owner);

  node_id self_;
  lease_settings settings_;
  std::int64_t lease_until_us_ = 0;
  std::int64_t renew_at_us_ = 0;
  std::int64_t view_asked_us_ = -1;
  bool renewing_ = false;
  bool reading_ = false;
  bool claiming_ = false;
  bool releasing_ = false;
  bool may_release_ = false; ///< Not tried since the last renewal.
  bool may_read_ = false;
  membership view_;
  bool drains_ = false;
  std::vector<shard_row> rows_; ///< The newest that were seen.
  std::vector<shard_change> wishes_;
  std::map<std::uint32_t, shard_epoch> held_;
  std::map<std::uint32_t, leaving> leaving_;
  /// What the shell was told it owns.
  std::map<std::uint32_t, shard_epoch> told_;
};

} // namespace shannon::cluster
