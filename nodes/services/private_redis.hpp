#pragma once

#include "protocols/errc.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <sys/types.h>

namespace shannon::services {

struct private_redis_options {
  /// The server works in `dir/redis`; its log is `dir/redis.log`.
  std::string dir;
  /// From the call to the first answer.
  std::chrono::milliseconds start_timeout{5'000};
  /// Above it the least recently used entries give way.
  std::uint64_t memory_bytes_max = 256ull * 1024 * 1024;
  /// End the server when the thread that started it ends. For tests.
  bool ends_with_parent = false;
};

/// A Redis of our own: reached through a unix socket only, kept in memory
/// only, since whatever stands in it may be lost at any time.
///
/// A server that outlived a killed parent is taken over if it answers, else
/// replaced. One process at a time holds `dir`.
class private_redis {
public:
  /// `not_found` if no redis-server is installed: the caller may go on
  /// without.
  static result<private_redis> start(private_redis_options options);

  private_redis(private_redis&&) noexcept;
  private_redis& operator=(private_redis&&) noexcept;
  /// Stops the server.
  ~private_redis();

  /// `unix:///path/to/redis.sock`
  std::string url() const;

  pid_t pid() const noexcept;

  /// At most 2 s.
  void stop();

  /// Leaves the server running and the folder free, as a killed process does.
  void abandon();

private:
  struct server;

  explicit private_redis(std::unique_ptr<server> running);

  std::unique_ptr<server> server_;
};

} // namespace shannon::services
