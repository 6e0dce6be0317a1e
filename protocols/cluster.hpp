#pragma once

#include "protocols/ids.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Who is a node of the cluster, and who owns which shard. What is said here
/// stays on its node: between nodes the database speaks.
namespace shannon::cluster {

// -- values -------------------------------------------------------------------

/// The process that runs a node is named `NAME#INCARNATION`: a process that
/// takes a name raises its number. This is the name of the node.
inline std::string_view name_of(const node_id& process) noexcept {
  return std::string_view{process.value}.substr(0, process.value.find('#'));
}

/// What a node says of itself when it joins.
struct node_card {
  std::string name;
  std::string cluster;
  std::vector<std::string> roles;
  /// Its roles let it own shards.
  bool owns = true;
  std::string host;
  std::string api;
  std::string admin;
  /// Where other nodes reach it: HOST:PORT; empty for a node without links.
  std::string link{};
  /// Of the build, and a hash of the messages it can read.
  std::string version;
  std::string schema;
  /// What differs from the defaults: `llm.concurrent_calls_max=64`.
  std::vector<std::string> settings{};
};

/// One node as the database sees it at one moment.
struct member {
  node_id id;
  bool owns = true;
  /// It has been there long enough to be given shards of others.
  bool settled = true;
  /// It has come again and again.
  bool flaps = false;
  /// Until its lease ends; not above 0 if it has.
  std::int64_t left_us = 0;
  /// What it does, and where it runs and is reached: as in its card.
  std::vector<std::string> roles{};
  std::string host{};
  std::string link{};
};

/// Another node's process that this one may be linked to.
struct peer {
  node_id process;
  std::string link; ///< HOST:PORT where it listens.
  friend bool operator==(const peer&, const peer&) = default;
};

/// What a node is told when it renews its lease.
struct membership {
  /// All that are known; this one is missing if another process has its name.
  std::vector<member> members;
  /// How long this node has held its lease without a break.
  std::int64_t held_us = 0;
  /// Sum of the epochs of all shards: grows when a shard changes hands.
  std::int64_t shards_version = 0;
};

/// A shard as the database holds it. Whenever the owner changes the epoch
/// rises.
struct shard_row {
  shard_epoch epoch = 0;
  node_id owner; ///< Empty: nobody.
};

struct shard_change {
  std::uint32_t shard = 0;
  shard_epoch epoch = 0;
  friend bool operator==(const shard_change&, const shard_change&) = default;
};

// -- commands to the EVENT STORE ----------------------------------------------

/// Takes the node's name; whoever had it before is no member any more.
/// Answers joined, or `denied` if live nodes of another cluster use this
/// database or it was made for another number of shards.
struct join {
  node_card card;
  std::chrono::microseconds lease;
  /// How long a newcomer waits for shards of others; doubled each time that
  /// it comes again soon.
  std::chrono::microseconds settle;
};

/// Answers membership. The one statement of an idle node.
struct renew_lease {
  node_id self;
  std::chrono::microseconds lease;
  std::chrono::microseconds settle;
  /// False while the node drains: the others share its shards among them.
  bool owns = true;
};

/// Answers shard_rows.
struct read_shards {};

/// For who looks from outside. Answers leases.
struct read_leases {};

/// Raises the epochs of shards that still have these, and belong to nobody, to
/// this node, or to a process whose lease has ended. A shard to which an
/// append is under way is left alone. Answers shards_changed: those granted.
struct claim_shards {
  node_id self;
  std::vector<shard_change> wishes;
};

/// Gives up shards this node owns, raising their epochs. Answers
/// shards_changed: those that were its own.
struct release_shards {
  node_id self;
  std::vector<std::uint32_t> shards;
};

// -- commands to the ACTIVATORs -----------------------------------------------

/// Told: these shards are ours now. Their runs are brought back.
struct shards_gained {
  std::vector<std::uint32_t> shards;
};

/// Ends all runs of shards that are not ours any more. Answers runs_ended when
/// the last is gone.
struct end_lost_runs {};

// -- to DISPATCHERs and GRANTORs ----------------------------------------------

/// Told whenever it may have changed: who this process is, and all nodes that
/// live, this one among them.
struct members_changed {
  node_id self;
  std::vector<member> members;
};

// -- the end of a node, in order ----------------------------------------------

/// Take nothing new, and finish what is under way. Answers drained. To SHARD
/// OWNER: gives up all shards, once their runs have nothing under way or
/// `patience` is over. To a GRANTOR: grants nothing more; nobody's effects are
/// under way here. To GATEWAY: ends streams with a hint to come again.
struct drain {
  std::chrono::milliseconds patience{0};
};

/// To an ACTIVATOR: these shards go to another node. For each it tells
/// shard_quiet once the runs that it has there now are gone.
struct finish_runs {
  std::vector<std::uint32_t> shards;
};

/// To a run: go as soon as no effect is under way.
struct wind_down {};

// -- to LINKS -----------------------------------------------------------------

/// Told whenever it may have changed: who this process is, and all others it
/// may be linked to. Links to whoever is missing here are ended.
struct peers_changed {
  node_id self;
  std::vector<peer> peers;
};

// -- replies ------------------------------------------------------------------

struct joined {
  node_id self;
};

struct shard_rows {
  std::vector<shard_row> rows; ///< Shard `i` at place `i`.
};

/// A node's row, as of one moment.
struct lease_row {
  node_id process;
  std::vector<std::string> roles;
  std::string host;
  std::string api;
  std::string admin;
  std::string version;
  /// Until its lease ends; not above 0 if it has.
  std::int64_t left_us = 0;
};

struct leases {
  std::vector<lease_row> nodes;  ///< By name.
  std::vector<shard_row> shards; ///< Shard `i` at place `i`.
};

struct shards_changed {
  std::vector<shard_change> shards;
};

struct runs_ended {
  std::uint64_t runs = 0;
};

struct drained {};

/// From an ACTIVATOR to SHARD OWNER.
struct shard_quiet {
  std::uint32_t shard = 0;
};

} // namespace shannon::cluster
