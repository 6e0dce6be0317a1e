#pragma once

#include "protocols/errc.hpp"

#include <cstdint>
#include <string>

namespace shannon::config {

/// Where a Redis is and how to enter it.
struct redis_address {
  std::string socket; ///< Path of a unix socket; else host and port count.
  std::string host;
  std::uint16_t port = 6379;
  std::string user;
  std::string password;
  std::uint32_t database = 0;

  /// For messages to people: without user and password.
  std::string shown() const;
};

/// `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]` or
/// `unix:///PATH[?db=DATABASE]`. Percent escapes are understood. An error does
/// not repeat the text, which may hold a password.
result<redis_address> parse_redis_url(const std::string& url);

} // namespace shannon::config
