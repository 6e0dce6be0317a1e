#pragma once

#include <caf/actor.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/atom.hpp>
#include <caf/local_actor.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

namespace shannon::kit {

/// What a woken actor gets: look which of your asks are due.
using sweep_atom = caf::atom_constant<caf::atom("sweep")>;

/// Wakes actors at about the time they name: one timer of the system for each
/// 20 ms, however many actors wait, where a timer for each ask would wake the
/// clock's thread for each of them. Keeps no actor alive. Any thread; outlives
/// the actor system.
class deadlines {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `who` gets a `sweep_atom` within 20 ms after `at`.
  void wake(caf::local_actor& who, time_point at);

  /// The system ends: nobody is woken any more.
  void clear();

private:
  class host;
  using slot = std::int64_t;

  void fire(slot which);

  std::mutex mutex_;
  caf::actor host_; ///< Takes the timers; started with the first.
  std::map<slot, std::vector<caf::weak_actor_ptr>> slots_;
  bool cleared_ = false;
};

} // namespace shannon::kit
