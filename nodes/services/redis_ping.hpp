#pragma once

#include "protocols/errc.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace shannon::services {

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

struct redis_pong {
  std::chrono::microseconds round_trip{0};
  std::string version; ///< Empty if the server does not tell.
};

/// Connects, enters, asks once. Blocks up to `timeout` for each of the steps
/// of which there are at most five. Errors: `unavailable`, `timeout`, `denied`
/// for a wrong password.
result<redis_pong> ping_redis(const redis_address& where,
                              std::chrono::milliseconds timeout);

} // namespace shannon::services
