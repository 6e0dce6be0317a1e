#pragma once

#include "protocols/errc.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace shannon::commands {

/// Where a node's gateway listens.
struct server_url {
  bool tls = false;
  std::string host;
  std::uint16_t port = 80;
  /// What stands before `/api/v1`, without a slash at its end.
  std::string prefix;

  std::string text() const;
};

/// `http://host[:port][/prefix]` or `https://…`; `[::1]` for IPv6.
result<server_url> parse_server_url(std::string_view text);

/// Percent-encodes everything a path element or query value may not hold.
std::string url_encoded(std::string_view text);

} // namespace shannon::commands
