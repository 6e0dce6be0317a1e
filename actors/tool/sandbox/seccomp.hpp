#pragma once

#include "actors/kit/process/process.hpp"
#include "protocols/errc.hpp"

namespace shannon::tool {

/// A descriptor with the compiled filter, for `bwrap --seccomp`. What it
/// refuses fails with EPERM in the program (or ENOSYS where that makes the C
/// library fall back): debugging other processes, mounts, new namespaces,
/// kernel modules and keys, BPF, io_uring, performance counters, clocks,
/// sockets beyond UNIX and IP, and memory that no limit counts. Calls of
/// another architecture kill.
result<kit::owned_fd> sandbox_filter();

} // namespace shannon::tool
