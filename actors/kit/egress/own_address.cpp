#include "actors/kit/egress/own_address.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <cstring>
#include <ifaddrs.h>
#include <memory>
#include <netinet/in.h>
#include <sys/socket.h>

namespace shannon::kit {

bool is_own_address(const boost::asio::ip::address& where) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0)
    return true;
  std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner{list, ::freeifaddrs};
  for (auto* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr)
      continue;
    auto family = at->ifa_addr->sa_family;
    if (family != (where.is_v4() ? AF_INET : AF_INET6))
      continue;
    boost::asio::ip::tcp::endpoint own;
    auto size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    std::memcpy(own.data(), at->ifa_addr, size);
    own.resize(size);
    // An interface's scope is no part of the address.
    bool same = where.is_v4() ? own.address() == where
                              : own.address().to_v6().to_bytes()
                                    == where.to_v6().to_bytes();
    if (same)
      return true;
  }
  return false;
}

} // namespace shannon::kit
