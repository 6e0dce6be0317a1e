#pragma once

#include "actors/kit/process/process.hpp"
#include "actors/kit/workspace/sandbox_user.hpp"
#include "config/settings.hpp"
#include "protocols/errc.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace shannon::tool {

/// What one Python program may use, apart from its wall clock and output.
struct sandbox_limits {
  std::uint32_t cpu_seconds = 20;
  /// Address space of one process, and memory of all together.
  std::uint64_t memory_bytes = 1024ull * 1024 * 1024;
  std::uint64_t file_bytes = 8ull * 1024 * 1024;
  std::uint64_t tmp_bytes = 128ull * 1024 * 1024;
  std::uint32_t processes = 64;
  std::uint32_t files = 64;
};

/// How to run `code` with python3 under bubblewrap: no network, /usr read-only
/// and nothing else of the host, a private /tmp, `workspace` (an absolute
/// path) at /workspace, namespaces of its own, an empty environment, no
/// capabilities, a seccomp filter and rlimits; killed with its parent. Fails
/// with `unavailable` if bubblewrap or Python are not installed.
result<kit::process_spec> sandboxed_python(const std::string& code,
                                           const std::string& workspace,
                                           const sandbox_limits& limits);

/// Runs a program in the sandbox and says what is missing, in one sentence
/// with a remedy. Blocks for up to 10 s: for `shannon doctor`.
result<void> sandbox_check();

} // namespace shannon::tool
