#include "actors/gateway/http/client_address.hpp"

#include "actors/kit/http_text.hpp"

#include <algorithm>

namespace shannon::gateway {

namespace {

constexpr std::string_view forwarded_for = "x-forwarded-for";

/// fe80::1%eth0 is an address on one of this machine's links.
std::string_view without_zone(std::string_view peer) noexcept {
  return peer.substr(0, peer.find('%'));
}

bool is_port(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 5
         && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<config::ip_address> address_in(std::string_view entry) {
  if (entry.starts_with('[')) {
    auto end = entry.find(']');
    if (end == std::string_view::npos)
      return std::nullopt;
    auto behind = entry.substr(end + 1);
    auto inside = config::parse_address(entry.substr(1, end - 1));
    bool good = behind.empty()
                || (behind.front() == ':' && is_port(behind.substr(1)));
    return good && entry.find(':') < end ? inside : std::nullopt;
  }
  auto colon = entry.find(':');
  if (colon != std::string_view::npos && colon == entry.rfind(':')
      && is_port(entry.substr(colon + 1)))
    entry = entry.substr(0, colon);
  return config::parse_address(entry);
}

/// From right to left; elements without anything are none (RFC 9110, 5.6.1).
std::vector<std::string_view> entries_of(const http_fields& fields) {
  std::vector<std::string_view> all;
  for (auto at = fields.rbegin(); at != fields.rend(); ++at) {
    if (at->first != forwarded_for)
      continue;
    std::string_view rest = at->second;
    while (!rest.empty()) {
      auto comma = rest.rfind(',');
      bool last = comma == std::string_view::npos;
      auto entry = kit::trimmed(last ? rest : rest.substr(comma + 1));
      if (!entry.empty())
        all.push_back(entry);
      rest = last ? std::string_view{} : rest.substr(0, comma);
    }
  }
  return all;
}

} // namespace

trusted_proxies::trusted_proxies(const std::vector<std::string>& networks) {
  for (const auto& text : networks)
    if (auto one = config::parse_network(text))
      networks_.push_back(*one);
}

bool trusted_proxies::has(const config::ip_address& where) const noexcept {
  return std::any_of(networks_.begin(), networks_.end(),
                     [&](const auto& one) { return one.contains(where); });
}

bool trusted_proxies::has(std::string_view peer) const {
  if (networks_.empty())
    return false;
  auto where = config::parse_address(without_zone(peer));
  return where && has(*where);
}

std::string trusted_proxies::client_of(std::string_view peer,
                                       const http_fields& fields) const {
  std::string client{peer};
  if (!has(peer))
    return client;
  for (auto entry : entries_of(fields)) {
    auto where = address_in(entry);
    if (!where)
      return std::string{peer};
    client = config::text_of(*where);
    if (!has(*where))
      break;
  }
  return client;
}

} // namespace shannon::gateway
