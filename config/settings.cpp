#include "config/settings.hpp"

#include "config/keys.hpp"
#include "config/units.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace shannon::config {

namespace {

/// Names an operator types often, for what the table calls otherwise.
struct short_name {
  std::string_view variable;
  std::string_view section;
  std::string_view key;
};

constexpr std::array<short_name, 4> short_names{{
    {"SHANNON_DATABASE_URL", "database", "dsn"},
    {"SHANNON_REDIS_URL", "redis", "url"},
    {"SHANNON_HTTP", "http", "listen"},
    {"SHANNON_ADMIN", "http", "admin_listen"},
}};

constexpr std::string_view prefix = "SHANNON_";

const key_spec* key_of_variable(std::string_view name) {
  for (const auto& known : short_names)
    if (known.variable == name)
      return find_key(known.section, known.key);
  for (const auto& key : keys())
    if (variable_of(key) == name)
      return &key;
  return nullptr;
}

/// `SHANNON_LLM__CALL_TIMEOUTS` is meant as a setting, `SHANNON_API_KEY` is
/// somebody else's.
tl::unexpected<error> unknown_variable(std::string_view name) {
  std::vector<std::string> spelled;
  for (const auto& key : keys())
    spelled.push_back(variable_of(key));
  std::vector<std::string_view> candidates{spelled.begin(), spelled.end()};
  auto text = std::string{name} + ": no such setting";
  if (auto close = nearest(name, candidates); !close.empty())
    text.append("; did you mean ").append(close).append("?");
  return fail(errc::invalid_argument, std::move(text));
}

bool is_name(std::string_view host) {
  constexpr std::size_t name_max = 253; // RFC 1035
  return !host.empty() && host.size() <= name_max
         && std::all_of(host.begin(), host.end(), [](unsigned char c) {
              return std::isalnum(c) || c == '.' || c == '-' || c == '_';
            });
}

} // namespace

result<settings> from_environment(settings base) {
  for (char** entry = environ; entry && *entry; ++entry) {
    std::string_view line{*entry};
    auto split = line.find('=');
    if (!line.starts_with(prefix) || split == std::string_view::npos)
      continue;
    auto name = line.substr(0, split);
    const auto* key = key_of_variable(name);
    if (!key) {
      if (name.find("__") != std::string_view::npos)
        return unknown_variable(name);
      continue;
    }
    if (auto done = assign(*key, base, std::string{line.substr(split + 1)});
        !done)
      return fail(errc::invalid_argument,
                  std::string{name} + ": " + done.error().text);
  }
  if (auto done = check_together(base); !done)
    return tl::unexpected(done.error());
  return base;
}

result<endpoint> parse_endpoint(const std::string& text) {
  auto refuse = [&](const char* why) {
    return fail(errc::invalid_argument,
                "\"" + text.substr(0, 80)
                    + "\" is no address and port: " + why);
  };
  auto colon = text.rfind(':');
  if (colon == std::string::npos)
    return refuse("expected HOST:PORT");
  auto port = parse_number(std::string_view{text}.substr(colon + 1));
  if (!port || *port > 65'535)
    return refuse("a port is a number from 0 to 65535");
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    in6_addr parsed{};
    if (::inet_pton(AF_INET6, host.c_str(), &parsed) != 1)
      return refuse("no IPv6 address between the brackets");
  } else if (!is_name(host)) {
    return refuse("expected a name, an IPv4 address or an IPv6 address in "
                  "brackets");
  }
  return endpoint{std::move(host), static_cast<std::uint16_t>(*port)};
}

std::string to_string(const endpoint& where) {
  bool v6 = where.host.find(':') != std::string::npos;
  return (v6 ? "[" + where.host + "]" : where.host) + ":"
         + std::to_string(where.port);
}

bool is_loopback(const endpoint& where) {
  in_addr v4{};
  if (::inet_pton(AF_INET, where.host.c_str(), &v4) == 1)
    return (ntohl(v4.s_addr) >> 24) == 127;
  return where.host == "::1" || where.host == "localhost";
}

} // namespace shannon::config
