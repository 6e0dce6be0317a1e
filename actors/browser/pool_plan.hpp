#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace shannon::browser {

using process_number = std::uint64_t;

/// Which process the next session goes to, and which processes go. Pure: no
/// process, no clock.
struct pool_limits {
  std::uint32_t process_sessions_max = 10;
  std::uint32_t processes_max = 4;
  std::uint32_t process_opened_max = 100;
  std::chrono::milliseconds process_lifetime{0};
  std::uint64_t process_memory_max = 0;
  std::uint32_t warm_sessions = 0;
};

/// One process as it is now.
struct process_state {
  process_number number = 0;
  std::uint32_t open = 0;   ///< Sessions, those ahead of need among them.
  std::uint32_t opened = 0; ///< Since it started.
  std::uint64_t pages = 0;  ///< Loaded since then, in all its sessions.
  std::chrono::milliseconds age{0};
  std::uint64_t memory_bytes = 0; ///< 0: not known.
};

/// It takes no more sessions: too many before or too many pages in them, too
/// old, or too large. It goes with its last one.
bool leaves(const pool_limits& limits, const process_state& one) noexcept;

struct place {
  /// Nothing: a process is started for it.
  std::optional<process_number> process;
};

/// The fullest process with room, so that others can go; else a new one. A
/// process that leaves is not counted among `processes_max`: it must not keep
/// out the one that follows it. Nothing: there is no room.
std::optional<place> choose(const pool_limits& limits,
                            const std::vector<process_state>& all);

/// Processes without sessions that leave, or that nobody needs: one stays, for
/// the next session.
std::vector<process_number> to_end(const pool_limits& limits,
                                   const std::vector<process_state>& all);

} // namespace shannon::browser
