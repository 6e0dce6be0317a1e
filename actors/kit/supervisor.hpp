#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include "actors/kit/actor_base.hpp"
#include "actors/kit/backoff.hpp"

namespace shannon::kit {

/// When a child that ended is started again.
enum class restart : std::uint8_t {
  permanent, ///< Always: the node cannot do without it.
  transient, ///< Only after a failure: it may finish on its own.
  temporary, ///< Never.
};

/// Who is restarted when one child fails. Erlang/OTP's `supervisor`.
enum class strategy : std::uint8_t {
  one_for_one,  ///< Only the child that failed.
  rest_for_one, ///< It and those started after it, since they lean on it.
  one_for_all,  ///< All children.
};

/// A child is a name, how to start it, and what its end means.
struct child_spec {
  std::string name;
  std::function<caf::actor(caf::local_actor& parent)> start;
  restart policy = restart::permanent;
};

/// A supervisor as data: nodes/tree.cpp reads top to bottom.
struct supervisor_spec {
  std::string name;
  strategy how = strategy::one_for_one;
  /// More restarts than this within the window, and the supervisor itself
  /// ends with a failure: its own supervisor decides (escalation).
  std::uint32_t restarts_max = 5;
  std::chrono::milliseconds restart_window{60'000};
  backoff delay{std::chrono::milliseconds{50}, std::chrono::milliseconds{5'000}};
  /// Started in this order, stopped in reverse.
  std::vector<child_spec> children;
};

/// SUPERVISOR: keeps its children alive as its spec says.
///
///   takes       inspector::get_tree                 protocols/inspector.hpp
///   asks        its child supervisors, for their trees
///   supervised  by the SUPERVISOR above, permanent; the root by the node
///   persists    nothing
///   recovers    by starting all children anew
///
/// Bound to `supervisor/NAME`.
caf::actor spawn_supervisor(caf::local_actor& parent, actor_env& env,
                            supervisor_spec spec);
caf::actor spawn_supervisor(caf::actor_system& sys, actor_env& env,
                            supervisor_spec spec);

/// Makes a supervisor the child of another.
child_spec supervised(actor_env& env, supervisor_spec spec);

} // namespace shannon::kit
