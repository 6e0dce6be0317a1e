#include "actors/kit/egress/address_class.hpp"

#include <array>
#include <cstdint>

namespace shannon::kit {

namespace {

struct v4_block {
  std::uint32_t prefix;
  int bits;
  std::string_view why;
};

constexpr std::uint32_t quad(std::uint32_t a, std::uint32_t b, std::uint32_t c,
                             std::uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

constexpr std::array v4_blocks{
    v4_block{quad(0, 0, 0, 0), 8, "this network (RFC 791)"},
    v4_block{quad(10, 0, 0, 0), 8, "private (RFC 1918)"},
    v4_block{quad(100, 64, 0, 0), 10, "shared by carriers (RFC 6598)"},
    v4_block{quad(127, 0, 0, 0), 8, "loopback"},
    v4_block{quad(169, 254, 0, 0), 16, "link-local"},
    v4_block{quad(172, 16, 0, 0), 12, "private (RFC 1918)"},
    v4_block{quad(192, 0, 0, 0), 24, "IETF protocol assignments"},
    v4_block{quad(192, 0, 2, 0), 24, "documentation"},
    v4_block{quad(192, 88, 99, 0), 24, "6to4 relay (RFC 7526)"},
    v4_block{quad(192, 168, 0, 0), 16, "private (RFC 1918)"},
    v4_block{quad(198, 18, 0, 0), 15, "benchmarking (RFC 2544)"},
    v4_block{quad(198, 51, 100, 0), 24, "documentation"},
    v4_block{quad(203, 0, 113, 0), 24, "documentation"},
    v4_block{quad(224, 0, 0, 0), 4, "multicast"},
    v4_block{quad(240, 0, 0, 0), 4, "reserved"},
};

using v6_bytes = boost::asio::ip::address_v6::bytes_type;

struct v6_block {
  v6_bytes prefix;
  int bits;
  std::string_view why;
};

/// The first groups of an IPv6 prefix; the rest is zero.
template <class... Groups>
constexpr v6_bytes groups(Groups... list) {
  v6_bytes out{};
  std::size_t at = 0;
  ((out[at++] = static_cast<unsigned char>(list >> 8),
    out[at++] = static_cast<unsigned char>(list & 0xff)),
   ...);
  return out;
}

/// Parts of 2000::/3 that are not for the public. What lies outside of it is
/// dealt with below.
constexpr std::array v6_blocks{
    v6_block{groups(0x2001, 0x0000), 32, "Teredo (RFC 4380)"},
    v6_block{groups(0x2001, 0x0000), 23, "IETF protocol assignments"},
    v6_block{groups(0x2001, 0x0db8), 32, "documentation"},
    v6_block{groups(0x2002), 16, "6to4 (RFC 7526)"},
    v6_block{groups(0x3fff, 0x0000), 20, "documentation (RFC 9637)"},
};

/// For a readable reason only: none of these is in 2000::/3.
constexpr std::array v6_reasons{
    v6_block{groups(0, 0, 0, 0, 0, 0, 0, 1), 128, "loopback"},
    v6_block{groups(0), 128, "unspecified"},
    v6_block{groups(0, 0, 0, 0, 0, 0xffff), 96, "IPv4-mapped"},
    v6_block{groups(0), 96, "IPv4-compatible (RFC 4291)"},
    v6_block{groups(0x64, 0xff9b, 1), 48, "local NAT64 (RFC 8215)"},
    v6_block{groups(0x100), 64, "discard (RFC 6666)"},
    v6_block{groups(0x5f00), 16, "segment routing (RFC 9602)"},
    v6_block{groups(0xfc00), 7, "unique local (RFC 4193)"},
    v6_block{groups(0xfe80), 10, "link-local"},
    v6_block{groups(0xfec0), 10, "site-local (RFC 3879)"},
    v6_block{groups(0xff00), 8, "multicast"},
};

bool within(const v6_bytes& what, const v6_bytes& prefix, int bits) {
  for (int i = 0; i < 16 && bits > 0; ++i, bits -= 8) {
    auto mask = bits >= 8 ? 0xffu : (0xff00u >> bits) & 0xffu;
    auto at = static_cast<std::size_t>(i);
    if ((what[at] & mask) != (prefix[at] & mask))
      return false;
  }
  return true;
}

address_class classify_v4(std::uint32_t what) {
  for (const auto& block : v4_blocks)
    if ((what ^ block.prefix) >> (32 - block.bits) == 0)
      return {false, block.why};
  return {true, {}};
}

address_class classify_v6(const boost::asio::ip::address_v6& where) {
  if (where.scope_id() != 0)
    return {false, "scoped to one link"};
  auto bytes = where.to_bytes();
  // The well-known NAT64 prefix reaches whatever the inner address reaches.
  if (within(bytes, groups(0x64, 0xff9b), 96)) {
    auto inner = classify_v4(quad(bytes[12], bytes[13], bytes[14], bytes[15]));
    return inner.is_public ? inner
                           : address_class{false, "NAT64 of a special address"};
  }
  for (const auto& block : v6_reasons)
    if (within(bytes, block.prefix, block.bits))
      return {false, block.why};
  if (!within(bytes, groups(0x2000), 3))
    return {false, "not global unicast"};
  for (const auto& block : v6_blocks)
    if (within(bytes, block.prefix, block.bits))
      return {false, block.why};
  return {true, {}};
}

} // namespace

address_class classify(const boost::asio::ip::address& where) {
  return where.is_v4() ? classify_v4(where.to_v4().to_uint())
                       : classify_v6(where.to_v6());
}

} // namespace shannon::kit
