#include "nodes/commands/server_url.hpp"

#include <charconv>

namespace shannon::commands {

namespace {

tl::unexpected<error> bad_url(std::string_view text, const char* why) {
  return fail(errc::invalid_argument,
              "--url " + std::string{text} + ": " + why
                  + "; expected http://HOST:PORT or https://HOST:PORT");
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix))
    return false;
  text.remove_prefix(prefix.size());
  return true;
}

} // namespace

std::string server_url::text() const {
  auto name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return (tls ? "https://" : "http://") + name + ":" + std::to_string(port)
         + prefix;
}

result<server_url> parse_server_url(std::string_view text) {
  server_url url;
  auto rest = text;
  if (take(rest, "https://"))
    url.tls = true;
  else if (!take(rest, "http://"))
    return bad_url(text, "no scheme");
  url.port = url.tls ? 443 : 80;
  if (rest.find_first_of("?#@ ") != std::string_view::npos)
    return bad_url(text, "a query, a fragment or a user is not allowed");
  auto slash = rest.find('/');
  auto authority = rest.substr(0, slash);
  if (slash != std::string_view::npos)
    url.prefix = rest.substr(slash);
  while (!url.prefix.empty() && url.prefix.back() == '/')
    url.prefix.pop_back();
  std::string_view port;
  if (authority.starts_with('[')) {
    auto end = authority.find(']');
    if (end == std::string_view::npos)
      return bad_url(text, "a bracket is missing");
    url.host = authority.substr(1, end - 1);
    port = authority.substr(end + 1);
    if (!port.empty() && port.front() != ':')
      return bad_url(text, "a colon is missing after the address");
  } else {
    auto colon = authority.find(':');
    url.host = authority.substr(0, colon);
    if (colon != std::string_view::npos)
      port = authority.substr(colon);
  }
  if (url.host.empty())
    return bad_url(text, "no host");
  if (!port.empty()) {
    port.remove_prefix(1);
    auto end = port.data() + port.size();
    auto [stop, code] = std::from_chars(port.data(), end, url.port);
    if (code != std::errc{} || stop != end || url.port == 0)
      return bad_url(text, "the port is not a number from 1 to 65535");
  }
  return url;
}

std::string url_encoded(std::string_view text) {
  static constexpr char hex[] = "0123456789ABCDEF";
  static constexpr std::string_view plain = "-._~:";
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
                        || (c >= 'a' && c <= 'z');
    if (alphanumeric || plain.find(c) != std::string_view::npos) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(hex[byte >> 4]);
      out.push_back(hex[byte & 0xF]);
    }
  }
  return out;
}

} // namespace shannon::commands
