#pragma once

#include <cstddef>

namespace caf {
class actor_system_config;
} // namespace caf

namespace shannon::kit {

/// Messages that an actor may take in a turn; then others are given the thread.
inline constexpr std::size_t messages_a_turn = 128;

/// Makes an actor system share its actors among so many threads, from one
/// queue. CAF's default, queues that are stolen from, costs an idle node 1 to
/// 3 % of a core and twice the time from a socket to an actor; a slot for each
/// thread before the queue, as Go and Tokio have it, was tried and changed
/// nothing that could be told from noise.
void schedule_on(caf::actor_system_config& config, std::size_t threads);

} // namespace shannon::kit
