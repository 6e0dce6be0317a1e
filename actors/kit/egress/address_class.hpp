#pragma once

#include <boost/asio/ip/address.hpp>

#include <string_view>

namespace shannon::kit {

/// What an address is for. `why` names the special purpose; empty if public.
struct address_class {
  bool is_public = false;
  std::string_view why;
};

/// Classifies by the IANA special-purpose registries for IPv4 and IPv6. What
/// is not known to be global unicast is not public: a block that IANA adds
/// tomorrow is refused until somebody has thought about it. Addresses that
/// carry an IPv4 address inside are public only if a public translator could
/// stand there (NAT64's well-known prefix) and the inner address is public.
address_class classify(const boost::asio::ip::address& where);

} // namespace shannon::kit
