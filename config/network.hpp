#pragma once

#include "protocols/errc.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Addresses as operators and proxies write them. Pure; no name is looked up.
namespace shannon::config {

/// An IPv4 or IPv6 address. An IPv4 address inside an IPv6 one
/// (`::ffff:192.0.2.7`) is that IPv4 address: a listener for both families
/// sees its clients like that.
struct ip_address {
  bool is_v6 = false;
  std::array<std::uint8_t, 16> bytes{}; ///< Of IPv4 the first four.

  friend bool operator==(const ip_address&, const ip_address&) = default;
};

/// `192.0.2.7`, `2001:db8::1`: in full, without brackets, port and zone.
std::optional<ip_address> parse_address(std::string_view text);

/// The one text of an address, in the form of RFC 5952.
std::string text_of(const ip_address& where);

/// What has the first `bits` bits of an address in common.
struct network {
  ip_address base;
  std::uint32_t bits = 0; ///< At most 32, of IPv6 128.

  bool contains(const ip_address& where) const noexcept;
};

/// `10.0.0.0/8`, `fd00::/8`, or one address. `invalid_argument` for others.
result<network> parse_network(std::string_view text);

} // namespace shannon::config
