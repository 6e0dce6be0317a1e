#pragma once

#include "actors/kit/workspace/owned_fd.hpp"
#include "protocols/errc.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace shannon::browser {

struct launch_options {
  /// Empty: the headless shell of Debian, else its Chromium.
  std::string program;
  /// Contexts that it can ever have: each has a listener, made at the start.
  std::uint32_t listeners = 16;
  /// Where files that pages give are put; bound to `downloads_inside`.
  std::string downloads;
  /// Memory for shared memory and the throw-away profile.
  std::uint64_t tmp_bytes = 512ull * 1024 * 1024;
  /// Chromium's own sandbox inside of ours, where the machine allows it.
  bool own_sandbox = true;
  std::vector<std::string> more_arguments;
};

/// As Chromium sees it.
inline constexpr const char* downloads_inside = "/downloads";

/// A Chromium that runs: a process group in namespaces of its own. It is killed
/// by the kernel when the thread that started it ends, however that ends; its
/// profile lies in memory of its own and goes with it.
class child {
public:
  virtual ~child() = default;

  virtual pid_t pid() const noexcept = 0;
  /// Kills all of it. `ended` follows.
  virtual void kill() = 0;
  /// The last that it said to stderr.
  virtual std::string last_words() const = 0;

  /// Ends of the debugging pipe; taken once.
  kit::owned_fd to;
  kit::owned_fd from;
  /// Listening sockets on its loopback, and their ports.
  std::vector<std::pair<kit::owned_fd, std::uint16_t>> listeners;
};

/// Do the last words of a Chromium say that its machine allows it no sandbox of
/// its own? It starts without one.
bool refused_sandbox(std::string_view last_words) noexcept;

/// Starts Chromium. `ended` is called once, on the loop's thread.
result<std::shared_ptr<child>> launch(boost::asio::io_context& loop,
                                      const launch_options& options,
                                      std::function<void(std::string)> ended);

} // namespace shannon::browser
