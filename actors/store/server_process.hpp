#pragma once

#include "protocols/errc.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace shannon::store {

/// Who a child process runs as.
struct process_user {
  uid_t uid = 0;
  gid_t gid = 0;
};

struct process_spec {
  std::vector<std::string> argv; ///< The first is an absolute path.
  /// Set to give up root's rights between fork and exec.
  std::optional<process_user> user;
  std::string log_file; ///< Takes stdout and stderr, appended.
  /// Kill the child when the thread that started it ends. For tests.
  bool ends_with_parent = false;
};

/// Starts a program in a process group of its own, so that Ctrl-C in the
/// terminal reaches only us, with no descriptors but the log.
result<pid_t> start_process(const process_spec& spec);

/// Waits for the end of a child. Nothing if it still runs at `limit`.
std::optional<int> wait_process(pid_t child, std::chrono::milliseconds limit);

/// Returns when the process has ended, or when `wake` can be read: then false.
/// Costs nothing while it waits, if the kernel has pidfd_open (Linux 5.3).
bool wait_end(pid_t process, int wake);

/// Does a process with this id exist (zombies do not count)?
bool is_running(pid_t process);

/// Processes whose working directory is `dir`; of the program `name` only, if
/// one is named.
std::vector<pid_t> processes_in(const std::string& dir,
                                std::string_view name = {});

} // namespace shannon::store
