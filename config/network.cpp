#include "config/network.hpp"

#include "config/units.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <netinet/in.h>

namespace shannon::config {

namespace {

constexpr std::uint32_t mapped_bits = 96;
constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0,    0,
                                                     0, 0, 0, 0, 0xff, 0xff};

bool is_mapped(const ip_address& where) noexcept {
  return where.is_v6
         && std::equal(mapped_prefix.begin(), mapped_prefix.end(),
                       where.bytes.begin());
}

ip_address unmapped(const ip_address& where) noexcept {
  if (!is_mapped(where))
    return where;
  ip_address inner;
  std::copy_n(where.bytes.begin() + mapped_prefix.size(), 4,
              inner.bytes.begin());
  return inner;
}

/// As it is written.
std::optional<ip_address> parse_either(std::string_view text) {
  std::string all{text};
  // The C function reads no further than that.
  if (all.find('\0') != std::string::npos)
    return std::nullopt;
  ip_address out;
  if (inet_pton(AF_INET, all.c_str(), out.bytes.data()) == 1)
    return out;
  out.is_v6 = true;
  if (inet_pton(AF_INET6, all.c_str(), out.bytes.data()) == 1)
    return out;
  return std::nullopt;
}

} // namespace

std::optional<ip_address> parse_address(std::string_view text) {
  auto out = parse_either(text);
  return out ? unmapped(*out) : out;
}

std::string text_of(const ip_address& where) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(where.is_v6 ? AF_INET6 : AF_INET, where.bytes.data(), text.data(),
            text.size());
  return text.data();
}

bool network::contains(const ip_address& where) const noexcept {
  if (where.is_v6 != base.is_v6)
    return false;
  auto whole = bits / 8;
  auto rest = bits % 8;
  if (!std::equal(base.bytes.begin(), base.bytes.begin() + whole,
                  where.bytes.begin()))
    return false;
  auto differs = static_cast<unsigned>(
      rest == 0 ? 0 : base.bytes[whole] ^ where.bytes[whole]);
  return differs >> (8 - rest) == 0;
}

result<network> parse_network(std::string_view text) {
  auto slash = text.find('/');
  auto base = parse_either(text.substr(0, slash));
  if (!base)
    return fail(errc::invalid_argument, "no address");
  std::uint64_t bits_max = base->is_v6 ? 128 : 32;
  auto bits = bits_max;
  if (slash != std::string_view::npos) {
    auto given = parse_number(text.substr(slash + 1));
    if (!given || *given > bits_max)
      return fail(errc::invalid_argument, "no length of a prefix");
    bits = *given;
  }
  // A network within the mapped ones is one of IPv4.
  if (is_mapped(*base) && bits >= mapped_bits)
    return network{unmapped(*base),
                   static_cast<std::uint32_t>(bits - mapped_bits)};
  return network{*base, static_cast<std::uint32_t>(bits)};
}

} // namespace shannon::config
