#pragma once

#include "actors/kit/process/process.hpp"
#include "protocols/errc.hpp"

#include <sys/types.h>
#include <vector>

namespace shannon::kit {

/// A child that runs: its pid, a descriptor that becomes readable when it has
/// ended, and what it writes.
struct spawned {
  pid_t pid = 0;
  owned_fd pidfd;
  owned_fd out;
  owned_fd err;
  std::vector<owned_fd> listeners; ///< As many as the spec says.
};

/// fork and exec. The child leads a process group of its own, and is killed by
/// the kernel when the calling *thread* ends; with it ends whatever it started.
/// Blocks until the program has
/// been executed or that has failed (`unavailable`, with the step that failed).
result<spawned> spawn_child(const process_spec& spec);

/// Has the process of this descriptor ended? Whoever waits for a descriptor by
/// asio asks before it waits for the process: asio may give it an event of one
/// that was closed in the same round, and Linux makes one more when a process
/// is reaped.
bool has_ended(int pidfd) noexcept;

} // namespace shannon::kit
