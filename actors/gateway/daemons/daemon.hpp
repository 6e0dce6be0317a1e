#pragma once

#include "actors/gateway/http/http_server.hpp"
#include "actors/kit/actor_base.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace shannon::gateway::daemons {

/// DAEMON: the WebSocket of one program on a user's own machine.
///
///   takes       say                          protocols/daemons.hpp
///               drain                        protocols/cluster.hpp
///   asks        GATEWAY: heard, one after the other
///   supervised  by GATEWAY, temporary: the program connects again
///   persists    nothing
///   recovers    not: its claims and questions end with it
///
/// A program that says more than GATEWAY takes, or takes less than it is told,
/// is dropped.
struct daemon_args {
  kit::actor_env& env;
  std::uint64_t number = 0; ///< Bound to `daemon/<number>`.
  exchange_ptr client;
  std::size_t message_bytes_max = 64 * 1024;
  std::chrono::milliseconds ask_timeout{15'000};
  /// Called on any thread when the DAEMON has ended.
  std::function<void(std::uint64_t number)> ended;
};

caf::actor spawn_daemon(caf::local_actor& parent, daemon_args args);

} // namespace shannon::gateway::daemons
