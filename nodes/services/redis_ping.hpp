#pragma once

#include "config/redis_address.hpp"
#include "protocols/errc.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace shannon::services {

using config::parse_redis_url;
using config::redis_address;

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
