#pragma once

#include "actors/dispatch/fair_lane.hpp"
#include "protocols/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace shannon::dispatch {

/// Which effect goes next, and to which worker. Pure: no actors, no clock.
///
///   waiting ──next──> under way at a worker ──done──> gone
///      ^                       │
///      └───────put_back────────┘
///
/// A worker takes as many at once as its window is open, and none before it
/// has said so. Interactive effects go before batch ones, but for each
/// `batch_turn`-th place: batch goes on under any load. Within either, tenants
/// take turns. The own node is preferred, then who has the most room. A worker
/// that has no room for one tenant is nothing to that tenant's effects until it
/// is said to have room again, and goes on with those of all others.
class effect_queue {
public:
  struct limits {
    /// Waiting, in all and of one tenant; above it `add` says no.
    std::size_t waiting_max = 10'000;
    std::size_t tenant_waiting_max = 5'000;
    std::uint32_t batch_turn = 16;
  };

  struct job {
    std::uint64_t id = 0;
    std::string attempt_key;
    std::string tenant;
    bool batch = false;
  };

  struct placed {
    std::uint64_t id = 0;
    node_id worker;
  };

  /// `self` names this node among the workers.
  effect_queue(node_id self, limits);

  void is(node_id self) {
    self_ = std::move(self);
  }

  // -- effects ----------------------------------------------------------------

  /// False: too many wait.
  bool add(job what);

  /// For one that can go to this worker alone, where it has its place already:
  /// under way from here on, whatever the window.
  void add_pinned(job what, const node_id& worker);

  /// The next that has room somewhere; it is under way from here on.
  std::optional<placed> next();

  /// Its worker has not begun it, and has no room for its tenant: it waits
  /// again, before those of its tenant that came later.
  void put_back(std::uint64_t id);

  /// Ended, or not wanted any more.
  void done(std::uint64_t id);

  struct found {
    std::uint64_t id = 0;
    std::optional<node_id> worker; ///< Nothing: it waits.
  };
  /// The one under this key.
  std::optional<found> find(const std::string& attempt_key) const;
  /// Those that no worker has, in the order they came.
  std::vector<std::uint64_t> that_wait() const;

  // -- workers ----------------------------------------------------------------

  /// So many of ours at once, from here on; what is under way goes on.
  void open(const node_id& worker, std::uint64_t window);
  /// Nothing goes there any more. What is under way is told `done` one by one.
  void close(const node_id& worker);

  /// So many more are under way at the own node, which never came here.
  void pass_by(std::uint64_t count);
  /// So many could be under way there besides those of here: none while
  /// anything waits, for it might be its turn.
  std::uint64_t room_to_pass() const;

  /// It may have room for those that it had none for. False: there were none.
  bool reopen(const node_id& worker);

  /// What this worker should be asked for: what is under way there, what
  /// passes by here among it, and all that waits and may go there.
  std::uint64_t demand(const node_id& worker) const;

  std::uint64_t under_way(const node_id& worker) const;
  /// Of those that no window counts.
  std::uint64_t pinned(const node_id& worker) const;
  bool has_room_anywhere() const;
  bool has_worker() const noexcept {
    return !windows_.empty();
  }
  std::size_t waiting() const noexcept {
    return waiting_;
  }
  std::size_t waiting_of(const std::string& tenant) const;
  std::size_t under_way() const noexcept {
    return jobs_.size() - waiting_;
  }

private:
  struct entry {
    job what;
    std::optional<node_id> worker;
    bool pinned = false; ///< No window counts it.
  };
  struct window {
    std::uint64_t open = 0;
    std::uint64_t under_way = 0;
    std::set<std::string> full_for = {}; ///< Tenants.
    std::uint64_t passing = 0; ///< Under way too, but never in the queue.
    std::uint64_t taken() const noexcept {
      return under_way + passing;
    }
    bool has_room() const noexcept {
      return open > taken();
    }
    bool has_room(const std::string& tenant) const {
      return has_room() && full_for.count(tenant) == 0;
    }
  };

  bool has_room_anywhere(const std::string& tenant) const;
  std::optional<node_id> choose(const job& what) const;
  entry* pop();
  void stop_waiting(const entry& one);
  void sweep(fair_lane& lane);

  node_id self_;
  limits limits_;
  std::unordered_map<std::uint64_t, entry> jobs_;
  std::unordered_map<std::string, std::uint64_t> by_key_;
  std::unordered_map<std::string, std::size_t> tenants_; ///< Waiting of each.
  /// May name jobs that do not wait any more.
  fair_lane interactive_;
  fair_lane batch_;
  std::uint32_t turn_ = 0;
  std::size_t waiting_ = 0;
  std::map<node_id, window> windows_;
  std::map<node_id, std::uint64_t> pinned_;
};

} // namespace shannon::dispatch
