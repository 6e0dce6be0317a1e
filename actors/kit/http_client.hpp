#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "protocols/errc.hpp"

namespace shannon::kit {

using http_headers = std::vector<std::pair<std::string, std::string>>;

struct http_request {
  std::string method = "GET";
  bool tls = true;
  std::string host; ///< Name or address; also SNI, Host and certificate name.
  std::uint16_t port = 443;
  std::string target = "/";
  http_headers headers; ///< Without Host, Content-Length, Connection.
  std::string body;
};

struct http_limits {
  std::chrono::milliseconds connect{10'000}; ///< Resolve, TCP and TLS.
  std::chrono::milliseconds first_byte{60'000}; ///< Sent to first answer byte.
  std::chrono::milliseconds between_bytes{30'000};
  std::chrono::milliseconds total{300'000};
  std::uint32_t header_bytes_max = 64 * 1024;
  std::uint64_t body_bytes_max = 8ull * 1024 * 1024;
};

struct http_head {
  int status = 0;
  http_headers headers; ///< Names in lower case.
  std::string_view find(std::string_view lower_name) const noexcept;
};

/// Called on the loop's thread, in this order: `head` at most once, `data` any
/// number of times, `end` exactly once. A timeout ends with errc::timeout, a
/// refused or broken connection with errc::unavailable, a limit with
/// errc::failed, `cancel` with errc::cancelled.
struct http_events {
  std::function<void(const http_head&)> head;
  std::function<void(std::string_view)> data;
  std::function<void(result<void>)> end;
};

/// One exchange under way. Any thread may cancel: the socket is closed.
class http_call {
public:
  virtual ~http_call() = default;
  virtual void cancel() = 0;
};

/// Where a host's connections may go. Answers what to try, in this order; the
/// client connects to exactly these and nothing else. For tools this is the
/// egress policy, for models the system's resolver.
using http_resolver = std::function<void(
  const std::string& host, std::uint16_t port,
  std::function<void(result<std::vector<boost::asio::ip::tcp::endpoint>>)>)>;

struct http_client_options {
  /// PEM file of extra trust anchors (tests); empty: the system's only.
  std::string ca_file;
  /// Idle connections kept for reuse, per host and port; 0 for none.
  std::uint32_t idle_max = 8;
  std::chrono::milliseconds idle_timeout{60'000};
  /// Empty: the system's resolver.
  http_resolver resolver;
};

/// HTTP/1.1 over TCP or TLS (1.2 and up, chain and host name verified), with
/// kept-alive connections. A kept connection that turns out closed before the
/// first answer byte is replaced once, unseen by the caller. Follows no
/// redirects. Thread-safe; sockets live on the loop.
class http_client {
public:
  http_client(boost::asio::io_context& loop, http_client_options options);
  ~http_client();

  std::shared_ptr<http_call> start(http_request request, http_limits limits,
                                   http_events events);

private:
  class impl;
  std::shared_ptr<impl> impl_;
};

} // namespace shannon::kit
