#pragma once

#include "protocols/errc.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::browser {

/// Names of hosts, as an operator writes them: `example.com` is that host
/// alone, `*.example.com` is it and all below it, `*` is every host, and an
/// address (IPv6 without brackets) is itself.
class host_list {
public:
  /// Fails with invalid_argument on a pattern that could never match: a list
  /// with a slip of the pen must not quietly mean something else.
  static result<host_list> parse(const std::vector<std::string>& patterns);

  bool empty() const noexcept {
    return exact_.empty() && below_.empty() && !all_;
  }

  /// `host` as kit::url has it: lower case, no brackets, no final dot.
  bool has(std::string_view host) const;

private:
  std::vector<std::string> exact_;
  std::vector<std::string> below_; ///< Without the asterisk and its dot.
  bool all_ = false;
};

/// Each is a limit of one browser session.
struct proxy_limits {
  /// Connections at once. Further ones wait in the listener's backlog until
  /// one has ended.
  std::uint32_t connections_max = 256;
  /// Of a request's head (then 431) and of an answer's (then 502).
  std::uint32_t head_bytes_max = 64 * 1024;
  /// Both ways together. Then every connection ends, and what comes later is
  /// refused.
  std::uint64_t bytes_max = 2ull * 1024 * 1024 * 1024;
  /// First byte of a request to the end of its head.
  std::chrono::milliseconds head_timeout{10'000};
  /// All of a host's addresses together, then 504.
  std::chrono::milliseconds connect_timeout{10'000};
  /// A connection on which no byte moved for so long is closed. Pages that
  /// wait for news (WebSocket, EventSource) live on such connections.
  std::chrono::milliseconds idle_timeout{300'000};
  /// The same, once one side has said that it will send no more.
  std::chrono::milliseconds half_closed_timeout{5'000};
  /// How long an address that was looked up and checked is gone by.
  std::chrono::milliseconds names_kept{30'000};
  std::uint32_t names_max = 256;
  /// The last refusals, for who asks why a page is not whole.
  std::uint32_t refusals_kept = 32;
};

/// What one browser session may reach beside what the node's egress policy
/// (kit::egress_policy: addresses, ports, exceptions) lets through.
struct proxy_rules {
  host_list allow; ///< Empty: every public host.
  host_list deny;  ///< Wins over `allow`.
  proxy_limits limits;

  /// Fails with `denied`.
  result<void> check(std::string_view host) const;
};

} // namespace shannon::browser
