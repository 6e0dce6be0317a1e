#pragma once

#include "actors/kit/workspace/owned_fd.hpp"
#include "protocols/errc.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace shannon::kit {

/// What is started. The environment is empty, stdin is /dev/null, and all
/// descriptors but stdout, stderr and `inherited` are closed.
struct process_spec {
  /// argv[0] is an absolute path.
  std::vector<std::string> argv;
  /// Kept open at the same numbers, and by this object until the end.
  std::vector<owned_fd> inherited;
  /// Descriptors that the child has under a number of its own, below 64.
  std::vector<std::pair<int, owned_fd>> placed;
  /// Takes of the processor what nobody else wants: for what computes. What
  /// somebody waits for should not.
  bool gives_way = true;
  /// In a network namespace with nothing but loopback, and so many sockets
  /// that listen there and are the parent's: the only ways out.
  /// `child_network.hpp` has more.
  bool own_network = false;
  std::uint32_t listeners = 0;
  /// Bind-mounted onto `mount_to` in a mount namespace of its own; needs
  /// root. Empty for none.
  std::string mount_from;
  std::string mount_to;
  /// Becomes this user and group, without others; needs root. 0 for as is.
  uid_t user = 0;
};

struct process_limits {
  std::chrono::milliseconds wall{30'000};
  /// stdout and stderr together.
  std::uint64_t output_bytes_max = 1024 * 1024;
  /// Anonymous memory of the process and all that it started, looked at every
  /// 100 ms. 0 for no limit.
  std::uint64_t memory_bytes_max = 0;
};

struct process_end {
  enum class reason {
    exited,
    signalled,
    wall_limit,
    output_limit,
    memory_limit,
    stopped, ///< By `stop`.
    not_started,
  };
  reason why = reason::exited;
  /// Exit status or signal number.
  int code = 0;
  std::string out;
  std::string err;
  /// For not_started: which step failed and how. For stopped: what was given.
  std::string text;
  std::chrono::microseconds duration{0};
};

/// One child process with its descendants, in a pid namespace of their own and
/// without root in one of users, too. Started and watched on the loop's
/// thread, which must live as long as the node: the child dies with it.
class process {
public:
  virtual ~process() = default;

  /// Kills the process group; `done` follows. Any thread may call.
  virtual void stop(std::string why) = 0;
};

/// Starts a process. `done` is called exactly once, on the loop's thread, when
/// the process has ended and nobody holds its output open any more. Whatever
/// happens to the loop or this program, the process does not outlive them.
std::shared_ptr<process> start_process(boost::asio::io_context& loop,
                                       process_spec spec, process_limits limits,
                                       std::function<void(process_end)> done);

/// Bytes of anonymous memory of a process and its descendants.
std::uint64_t tree_memory(pid_t root);

} // namespace shannon::kit
