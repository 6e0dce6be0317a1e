#include "config/redis_address.hpp"

#include <charconv>
#include <string_view>
#include <system_error>

namespace shannon::config {

namespace {

tl::unexpected<error> bad_url(const char* why) {
  return fail(errc::invalid_argument, std::string{"not a Redis URL: "} + why);
}

/// Percent escapes; false for a broken one.
bool unescape(std::string_view from, std::string& into) {
  into.clear();
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i] != '%') {
      into += from[i];
      continue;
    }
    unsigned value = 0;
    auto digits = from.substr(i + 1, 2);
    auto [end, failed] = std::from_chars(
        digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() != 2 || failed != std::errc{} || end != digits.data() + 2
        || value == 0)
      return false;
    into += static_cast<char>(value);
    i += 2;
  }
  return true;
}

template <class Number>
bool to_number(std::string_view text, Number& into) {
  auto* end = text.data() + text.size();
  auto [at, failed] = std::from_chars(text.data(), end, into);
  return failed == std::errc{} && at == end;
}

result<redis_address> parse_unix(std::string_view rest) {
  redis_address out;
  auto query = rest.find('?');
  if (query != std::string_view::npos) {
    constexpr std::string_view key = "db=";
    auto what = rest.substr(query + 1);
    if (!what.starts_with(key)
        || !to_number(what.substr(key.size()), out.database))
      return bad_url("after ? only db=NUMBER is known");
    rest = rest.substr(0, query);
  }
  if (!unescape(rest, out.socket) || !out.socket.starts_with('/'))
    return bad_url("expected unix:///PATH");
  return out;
}

result<redis_address> parse_tcp(std::string_view rest) {
  redis_address out;
  if (auto at = rest.rfind('@'); at != std::string_view::npos) {
    auto who = rest.substr(0, at);
    rest = rest.substr(at + 1);
    auto colon = who.find(':');
    if (colon == std::string_view::npos)
      return bad_url("expected USER:PASSWORD before @");
    if (!unescape(who.substr(0, colon), out.user)
        || !unescape(who.substr(colon + 1), out.password))
      return bad_url("a percent escape before @ is broken");
  }
  if (auto slash = rest.find('/'); slash != std::string_view::npos) {
    auto database = rest.substr(slash + 1);
    if (!database.empty() && !to_number(database, out.database))
      return bad_url("expected a number of a database after /");
    rest = rest.substr(0, slash);
  }
  auto close = rest.rfind(']');
  auto colon = rest.rfind(':');
  if (colon != std::string_view::npos
      && (close == std::string_view::npos || colon > close)) {
    if (!to_number(rest.substr(colon + 1), out.port) || out.port == 0)
      return bad_url("expected a port from 1 to 65535");
    rest = rest.substr(0, colon);
  }
  if (rest.starts_with('[') && rest.ends_with(']'))
    rest = rest.substr(1, rest.size() - 2);
  if (rest.empty())
    return bad_url("expected a host");
  out.host = rest;
  return out;
}

} // namespace

std::string redis_address::shown() const {
  if (!socket.empty())
    return "Redis at " + socket;
  return "Redis at " + host + ":" + std::to_string(port);
}

result<redis_address> parse_redis_url(const std::string& url) {
  constexpr std::string_view tcp = "redis://";
  constexpr std::string_view tls = "rediss://";
  constexpr std::string_view local = "unix://";
  std::string_view text = url;
  if (text.starts_with(tcp))
    return parse_tcp(text.substr(tcp.size()));
  if (text.starts_with(local))
    return parse_unix(text.substr(local.size()));
  if (text.starts_with(tls))
    return bad_url("TLS is not available; use redis:// or unix://");
  return bad_url("expected redis://HOST:PORT or unix:///PATH");
}

} // namespace shannon::config
