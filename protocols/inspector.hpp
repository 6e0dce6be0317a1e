#pragma once

#include "protocols/cluster.hpp"
#include "protocols/ids.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What actors say about themselves.
namespace shannon::inspector {

// -- queries ------------------------------------------------------------------

/// To a SUPERVISOR: its part of the tree. Answers tree_node. To the INSPECTOR:
/// the whole tree, with all other actors counted where they belong.
struct get_tree {};

/// To the INSPECTOR: a page of all actors, in an order that never changes.
/// Answers actor_page, or `invalid_argument`.
struct get_actors {
  // Only those; empty: all.
  std::string kind;
  std::string parent; ///< An address.
  std::string state;  ///< A word of `child_state`.
  /// `next` of the page before; empty: from the beginning.
  std::string cursor;
  /// At least 1, at most `actors_max`.
  std::uint32_t limit = 100;

  static constexpr std::uint32_t actors_max = 1'000;
};

enum class top_order : std::uint8_t {
  depth, ///< Of the mailbox.
  age,   ///< Of the oldest message.
  rate,  ///< Messages per second.
};

/// To the INSPECTOR: the actors with most to do. Looks at all of them. Answers
/// top_page.
struct get_top {
  top_order by = top_order::depth;
  std::string kind; ///< Only those; empty: all.
  /// At least 1, at most `get_actors::actors_max`.
  std::uint32_t limit = 40;
};

/// To the INSPECTOR: runs of this node that have not ended, in the order of
/// their birth. Those that are at work are asked what they wait for, the others
/// are rows. Answers run_page, or `invalid_argument`.
struct get_runs {
  // Only those; empty: all.
  std::string kind;
  std::string phase;
  /// As of get_actors; at most `runs_max`.
  std::string cursor;
  std::uint32_t limit = 100;

  static constexpr std::uint32_t runs_max = 500;
};

/// To the INSPECTOR: who holds which lease and which shards. Answers
/// lease_report.
struct get_leases {};

// -- replies ------------------------------------------------------------------

enum class child_state : std::uint8_t { starting, running, backing_off, ended };

/// `starting`, `running`, `backing_off`, `ended`.
constexpr std::string_view to_text(child_state state) noexcept {
  switch (state) {
  case child_state::starting:
    return "starting";
  case child_state::running:
    return "running";
  case child_state::backing_off:
    return "backing_off";
  case child_state::ended:
    break;
  }
  return "ended";
}

/// How old the oldest message of a mailbox is: the one in work, or the first
/// that waits. To some milliseconds; nothing for an empty mailbox.
using message_age = std::optional<std::chrono::microseconds>;

/// Actors of one kind below one parent, or below such a group.
struct actor_group {
  std::string kind;
  std::uint64_t actors = 0;
  /// Those with a message.
  std::uint64_t busy = 0;
  std::uint64_t mailbox_depth = 0; ///< Of all of them.
  message_age oldest;              ///< The oldest of all.
  std::uint64_t messages_total = 0;
  std::uint64_t rejected_total = 0;
  std::vector<actor_group> groups;
};

struct tree_node {
  std::string name;
  /// `supervisor` or the actor's own name.
  std::string kind;
  child_state state = child_state::starting;
  std::chrono::system_clock::time_point since;
  std::uint64_t restarts = 0;
  std::string last_error;
  std::uint64_t mailbox_depth = 0;
  std::uint64_t messages_total = 0;
  std::vector<tree_node> children;
  std::uint64_t rejected_total = 0;
  message_age oldest{};
  /// As in `seen_actor`; told by the INSPECTOR.
  double messages_per_s = 0;
  std::chrono::milliseconds rate_over{0};
  /// Where it is reached.
  std::string address{};
  /// In the roster; 0 while it is down.
  std::uint64_t number = 0;
  /// Its children that no SUPERVISOR looks after.
  std::vector<actor_group> groups{};
};

/// One actor as it was when it was looked at.
struct seen_actor {
  std::string address;
  std::string kind;
  std::string parent; ///< Its address; empty if it is gone, or never was.
  child_state state = child_state::running;
  std::chrono::system_clock::time_point since;
  // As its SUPERVISOR knows; without one, 0 and empty.
  std::uint64_t restarts = 0;
  std::string last_error;
  std::uint64_t mailbox_depth = 0;
  message_age oldest;
  std::uint64_t messages_total = 0;
  std::uint64_t rejected_total = 0;
  /// Over `rate_over`: since it was looked at before, else over its life.
  double messages_per_s = 0;
  std::chrono::milliseconds rate_over{0};
  /// What it is about, in its own words; empty for most.
  std::string about{};
};

struct actor_page {
  std::vector<seen_actor> actors;
  /// For the page after; empty: this is the last. A page may be short, or
  /// empty, and yet not be the last: so many are looked through at most.
  std::string next;
  std::uint64_t total = 0; ///< Actors of the node, whatever was asked for.
};

struct top_page {
  /// Without parents, and without what a SUPERVISOR knows.
  std::vector<seen_actor> rows;
  // Of all actors of the node.
  std::uint64_t actors = 0;
  std::uint64_t busy = 0;
  std::uint64_t mailbox_depth = 0;
  message_age oldest;
  double messages_per_s = 0;
};

struct run_wait {
  std::string kind; ///< As in remote::Wait.
  std::string key;
  std::string what;
  std::chrono::system_clock::time_point since; ///< Zero: not known.
  std::chrono::system_clock::time_point due;   ///< Zero: never.
  std::string run;
};

struct seen_run {
  log_id log;
  std::string kind;
  log_id parent;
  /// `running` or `parked` as the run says; of one that is rows `rests` if it
  /// waits for a timer, a signal or mail, else `unread`: it will be brought to
  /// life. `ended`: it only owes its end to its parent.
  std::string phase;
  /// In words: the first thing it waits for, or why it is parked.
  std::string waits_for;
  std::vector<run_wait> waits;
  std::chrono::system_clock::time_point since; ///< Its last facts.
  std::optional<std::chrono::system_clock::time_point> wake_at;
  log_version version = 0;
  node_id owner; ///< The node's process.
  std::uint32_t shard = 0;
  shard_epoch epoch = 0;
  bool lease_holds = false;
};

struct run_page {
  std::vector<seen_run> runs;
  std::string next; ///< As of actor_page.
};

struct lease_report {
  node_id self; ///< Empty before it has joined.
  /// By this node's own clock, which decides whether it may write.
  std::chrono::milliseconds lease_left{0};
  std::uint64_t shards_owned = 0;
  /// Shards of each process as this node has read it last: it sends mail and
  /// names tasks by that.
  std::map<node_id, std::uint64_t> seen;
  /// As the database has it.
  cluster::leases all;
};

/// One line of readiness: a part and whether it can do its work.
struct check {
  std::string name;
  bool ok = false;
  std::string text;
};

/// To the INSPECTOR. Answers health_report.
struct get_health {};

struct health_report {
  bool ready = false;
  std::vector<check> checks;
};

} // namespace shannon::inspector
