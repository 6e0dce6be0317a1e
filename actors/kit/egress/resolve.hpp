#pragma once

#include "actors/kit/worker_pool.hpp"
#include "protocols/errc.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace shannon::kit {

using endpoints = std::vector<boost::asio::ip::tcp::endpoint>;
using resolved = std::function<void(result<endpoints>)>;

/// Asks for all addresses of a name, on the calling thread. Replaced in tests.
using name_lookup = std::function<result<endpoints>(const std::string& host,
                                                    std::uint16_t port)>;

/// getaddrinfo, without the search domains of resolv.conf if `absolute`.
result<endpoints> system_lookup(const std::string& host, std::uint16_t port,
                                bool absolute);

/// Which hosts may be reached, and by which addresses.
class egress_policy {
public:
  /// `allow` lists `host:port` pairs that are reachable whatever they are.
  explicit egress_policy(std::vector<std::string> allow);

  bool is_exception(const std::string& host, std::uint16_t port) const;

  /// Before anything is looked up: names and ports that are refused as such.
  /// Fails with `denied`.
  result<void> check_host(const std::string& host, std::uint16_t port) const;

  /// After the look-up. One address that is not public, or is this machine's
  /// own, refuses them all: a name with mixed answers is an attempt to get in.
  result<endpoints> check_addresses(const std::string& host, std::uint16_t port,
                                    endpoints found) const;

private:
  std::vector<std::string> allow_;
};

/// Looks up names on threads of its own, under a deadline, and answers only
/// what the policy lets through. Thread-safe; answers on the loop's thread.
class resolver {
public:
  resolver(boost::asio::io_context& loop, egress_policy policy,
           std::chrono::milliseconds timeout, name_lookup lookup = {});

  void resolve(const std::string& host, std::uint16_t port, resolved done);

  const egress_policy& policy() const noexcept {
    return *policy_;
  }

private:
  boost::asio::io_context& loop_;
  std::shared_ptr<const egress_policy> policy_;
  std::chrono::milliseconds timeout_;
  name_lookup lookup_;
  worker_pool pool_;
};

} // namespace shannon::kit
