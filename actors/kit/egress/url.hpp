#pragma once

#include "protocols/errc.hpp"

#include <boost/asio/ip/address.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shannon::kit {

/// An http or https URL that every parser understands in the same way: what is
/// ambiguous was refused.
struct url {
  bool tls = false;
  /// Lower case, without brackets and without a trailing dot.
  std::string host;
  std::uint16_t port = 80;
  /// Path and query, percent-encoded; starts with a slash. No fragment.
  std::string target;
  /// Set if the host is an address and no name.
  std::optional<boost::asio::ip::address> literal;

  /// Canonical text; the port only if it is not the scheme's own.
  std::string text() const;
  /// `host:port`, an IPv6 address in brackets: how settings name an exception.
  std::string authority() const;
};

/// Longest URL that is looked at, in bytes.
inline constexpr std::size_t url_bytes_max = 8 * 1024;

/// Strict subset of RFC 3986: http and https only, no user information, no
/// control characters, white space or backslashes, no IPv4 but the canonical
/// dotted form, no zone, no host beyond ASCII (punycode is taken), ports 1 to
/// 65535 without signs or leading zeros. Characters beyond ASCII in path and
/// query are percent-encoded. Fails with invalid_argument and says where.
result<url> parse_url(std::string_view text);

/// What `reference` means on the page `base`: RFC 3986, section 5.
result<url> resolve_url(const url& base, std::string_view reference);

/// A name that can only mean this machine or this network. An empty answer
/// means the name may be looked up.
std::string_view refused_name(std::string_view host) noexcept;

/// Ports of services that can be fooled by a line of HTTP (mail, databases
/// and so on): the Fetch standard's "bad ports".
bool refused_port(std::uint16_t port) noexcept;

} // namespace shannon::kit
