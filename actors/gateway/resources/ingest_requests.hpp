#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "protocols/errc.hpp"
#include "protocols/remote/workflow.pb.h"

#include <cstddef>
#include <cstdint>
#include <vector>

/// What programs beside the node tell of tasks. Pure.
namespace shannon::gateway {

/// One event with its payload; above it the request is refused.
inline constexpr std::size_t told_event_bytes_max = 64 * 1024;
/// Events of one request.
inline constexpr std::size_t told_events_max = 1'000;

struct told_events {
  /// Signals without a name, in order. An event that bears a time has its
  /// digest as its id: told again, it counts once. Token deltas, prompts and
  /// signs of life are `passing`.
  std::vector<remote::SignalTask> events;
  /// Those that name no task or no type.
  std::size_t dropped = 0;
};

/// The body of POST /events: one event or an array of them. Refuses an event
/// that says how a task ends: that is the task's own to say.
result<told_events> read_told_events(const http_request& request,
                                     std::uint32_t json_depth_max);

/// The body of POST /daemon/signal; the same reply twice counts once.
result<remote::SignalTask> read_daemon_signal(const http_request& request,
                                              std::uint32_t json_depth_max);

} // namespace shannon::gateway
