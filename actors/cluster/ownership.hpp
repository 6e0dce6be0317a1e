#pragma once

#include "protocols/ids.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

namespace shannon::cluster {

struct lease_settings {
  /// How long a node is counted as live after it was last heard of, by the
  /// database's clock.
  std::chrono::microseconds lease{10'000'000};
  std::chrono::microseconds renew_every{1'000'000};
  /// A node stops owning this long before its lease ends: clocks do not run
  /// equally fast everywhere.
  std::chrono::microseconds margin{1'000'000};
};

/// A shard as the database holds it.
struct shard_row {
  shard_epoch epoch = 0;
  node_id owner;
};

/// What the database tells when it renews a lease.
struct cluster_view {
  /// Who may own shards: nodes whose lease had not run out.
  std::vector<node_id> eligible;
  std::vector<shard_row> shards; ///< Shard `i` at place `i`.
};

/// Raise this shard's epoch, if it is still `epoch`.
struct claim_wish {
  std::uint32_t shard = 0;
  shard_epoch epoch = 0;
};

/// A claim the database granted.
struct claim_grant {
  std::uint32_t shard = 0;
  shard_epoch epoch = 0;
};

/// Who of `nodes` owns `shard`: the one whose hash with it is the highest. So
/// a node that comes or goes moves only the shards it gets or had. Nobody if
/// there are no nodes.
node_id owner_of(std::uint32_t shard, const std::vector<node_id>& nodes);

/// What one node knows of its shards. Pure: knows no clock and no database.
///
///   lease   counted from when its renewal was *asked* for, so that it never
///           outlasts what the database counts; not renewed in time, the node
///           owns nothing
///   claim   raises the epoch that was seen, before any log is read; who saw
///           the same epoch and was later gets nothing
///   lost    a shard that has a higher epoch than ours, or that belongs to
///           somebody else by the nodes that live
///
/// All this keeps two nodes from working on one log most of the time. What
/// makes it harmless when they do is the fence in each append.
class ownership {
public:
  ownership(node_id self, lease_settings settings);

  /// What the shell must do now.
  struct agenda {
    bool renew = false;
    std::vector<claim_wish> claim;
    /// Shards this node owns from here on, and those it owns no more. Who
    /// works on a lost one stops.
    std::vector<claim_grant> gained;
    std::vector<std::uint32_t> lost;
    /// Call `next` then; earlier does no harm.
    std::int64_t wake_at_us = 0;
  };
  agenda next(std::int64_t now_us);

  /// The lease is renewed; `asked_us` is when it was asked for.
  void renewed(std::int64_t asked_us, const cluster_view& view);
  void renewal_failed(std::int64_t now_us);
  /// What was granted of the wishes handed out last.
  void claimed(const std::vector<claim_grant>& granted);
  /// Nobody knows what became of them: the next view tells.
  void claim_failed();

  bool holds_lease(std::int64_t now_us) const noexcept {
    return now_us < lease_until_us_;
  }
  /// Under which epoch this node owns the shard now, if it does.
  std::optional<shard_epoch> epoch_of(std::uint32_t shard,
                                      std::int64_t now_us) const;

private:
  node_id self_;
  lease_settings settings_;
  std::int64_t lease_until_us_ = 0;
  std::int64_t renew_at_us_ = 0;
  std::int64_t view_asked_us_ = -1;
  bool renewing_ = false;
  bool claiming_ = false;
  std::vector<claim_wish> wishes_;
  std::map<std::uint32_t, shard_epoch> held_;
  /// What the shell was told it owns.
  std::map<std::uint32_t, shard_epoch> told_;
};

} // namespace shannon::cluster
