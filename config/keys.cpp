#include "config/keys.hpp"

#include "config/network.hpp"
#include "config/units.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cctype>
#include <limits>
#include <set>

namespace shannon::config {

namespace {

using enum unit_kind;

tl::unexpected<error> unexpected_value(const key_spec& key,
                                       const std::string& found) {
  constexpr std::size_t shown_max = 80;
  auto text = "expected " + expectation_of(key);
  if (!key.secret)
    text += ", found \"" + found.substr(0, shown_max) + "\"";
  return fail(errc::invalid_argument, std::move(text));
}

bool is_address(int family, const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(family, text.c_str(), bytes.data()) == 1;
}

/// A name of labels, an IPv4 address in full, an IPv6 address in brackets:
/// without a port, and nothing that a browser would read as something else.
bool is_host(const std::string& host) {
  if (host.starts_with("[") && host.ends_with("]"))
    return is_address(AF_INET6, host.substr(1, host.size() - 2));
  if (host.empty() || host.size() > 253)
    return false;
  std::string label;
  std::size_t from = 0;
  while (from <= host.size()) {
    auto end = std::min(host.find('.', from), host.size());
    label = host.substr(from, end - from);
    from = end + 1;
    if (label.empty() || label.size() > 63
        || !std::all_of(label.begin(), label.end(), [](unsigned char c) {
             return std::isalnum(c) != 0 || c == '-' || c == '_';
           }))
      return false;
  }
  // The last label says that it is an address: `127.1`, `0x7f` (WHATWG URL).
  bool number = std::isdigit(static_cast<unsigned char>(label.front())) != 0;
  return !number || is_address(AF_INET, host);
}

/// `*`, `*.example.com`; for one tenant `acme=*.example.com`.
result<std::uint64_t> parse_host_pattern(const std::string& from) {
  auto host = from.substr(from.find('=') + 1); // npos + 1: all of it.
  if (host == "*")
    return 0;
  if (host.starts_with("*."))
    host.erase(0, 2);
  if (!is_host(host))
    return fail(errc::invalid_argument, "no host name");
  return 0;
}

/// The value as a number in the key's unit.
result<std::uint64_t> parse(const key_spec& key, const std::string& from) {
  switch (key.unit) {
  case number:
    return parse_number(from);
  case bytes:
    return parse_bytes(from);
  case duration:
    return parse_duration(from).map(
        [](auto span) { return static_cast<std::uint64_t>(span.count()); });
  case text:
    if (from.find('\0') != std::string::npos)
      return fail(errc::invalid_argument, "zero byte");
    return from.size();
  case flag:
    if (from != "true" && from != "false")
      return fail(errc::invalid_argument, "neither");
    return from == "true" ? 1 : 0;
  case host_port:
    if (from.empty() && key.least == 0)
      return 0;
    [[fallthrough]];
  case host_ports:
    return parse_endpoint(from).map(
        [](const auto&) { return std::uint64_t{0}; });
  case host_patterns:
    return parse_host_pattern(from);
  case networks:
    return parse_network(from).map(
        [](const auto&) { return std::uint64_t{0}; });
  }
  return fail(errc::invalid_argument, "unknown unit");
}

std::string written(const key_spec& key, std::uint64_t value) {
  if (key.unit == bytes)
    return format_bytes(value);
  if (key.unit == duration)
    return format_duration(milliseconds{static_cast<std::int64_t>(value)});
  return std::to_string(value);
}

} // namespace

const key_spec* find_key(std::string_view section, std::string_view name) {
  for (const auto& key : keys())
    if (key.section == section && key.name == name)
      return &key;
  return nullptr;
}

std::vector<std::string_view> key_names(std::string_view section) {
  std::vector<std::string_view> names;
  for (const auto& key : keys())
    if (key.section == section)
      names.push_back(key.name);
  return names;
}

std::vector<std::string_view> section_names() {
  std::vector<std::string_view> names;
  for (const auto& key : keys())
    if (!key.section.empty()
        && std::find(names.begin(), names.end(), key.section) == names.end())
      names.push_back(key.section);
  return names;
}

std::string path_of(const key_spec& key) {
  auto path = std::string{key.section};
  if (!path.empty())
    path += '.';
  return path.append(key.name);
}

std::string variable_of(const key_spec& key) {
  auto name = std::string{key.section};
  if (!name.empty())
    name += "__";
  name += key.name;
  for (auto& c : name)
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return "SHANNON_" + name;
}

std::string expectation_of(const key_spec& key) {
  auto range = [&](std::string what) {
    return what + " from " + written(key, key.least) + " to "
           + written(key, key.most);
  };
  switch (key.unit) {
  case number:
    return range("a whole number");
  case bytes:
    return range("a size") + ", such as 64KiB";
  case duration:
    return range("a duration") + ", such as 30s";
  case text:
    return "a text of " + std::to_string(key.least) + " to "
           + std::to_string(key.most) + " bytes";
  case flag:
    return "true or false";
  case host_port:
    return "an address and port, such as 127.0.0.1:8080";
  case host_ports:
    return "a list of at most " + std::to_string(key.most)
           + " pairs, such as [intranet.example:443]";
  case host_patterns:
    return "a list of at most " + std::to_string(key.most)
           + " host names, such as [*.example.com, acme=shop.example]";
  case networks:
    return "a list of at most " + std::to_string(key.most)
           + " addresses or networks, such as [10.0.0.0/8, 192.0.2.7]";
  }
  return {};
}

result<void> assign(const key_spec& key, settings& into,
                    const std::string& from) {
  if (is_list(key.unit)) {
    // In the environment a list is written with commas.
    std::vector<std::string> parts;
    for (std::size_t at = 0; at < from.size();) {
      auto end = std::min(from.find(',', at), from.size());
      parts.push_back(from.substr(at, end - at));
      at = end + 1;
    }
    return assign_list(key, into, parts);
  }
  auto value = parse(key, from);
  auto bounded = key.unit != host_port;
  if (!value || (bounded && (*value < key.least || *value > key.most)))
    return unexpected_value(key, from);
  struct visitor {
    std::uint64_t value;
    const std::string& from;
    void operator()(bool* to) const {
      *to = value != 0;
    }
    void operator()(std::uint32_t* to) const {
      *to = static_cast<std::uint32_t>(value);
    }
    void operator()(std::uint64_t* to) const {
      *to = value;
    }
    void operator()(milliseconds* to) const {
      *to = milliseconds{static_cast<std::int64_t>(value)};
    }
    void operator()(std::string* to) const {
      *to = from;
    }
    void operator()(std::vector<std::string>* to) const {
      *to = {from};
    }
  };
  std::visit(visitor{*value, from}, key.where(into));
  return {};
}

result<void> assign_list(const key_spec& key, settings& into,
                         const std::vector<std::string>& texts) {
  if (texts.size() > key.most)
    return unexpected_value(key, std::to_string(texts.size()) + " elements");
  for (const auto& one : texts)
    if (!parse(key, one))
      return unexpected_value(key, one);
  *std::get<std::vector<std::string>*>(key.where(into)) = texts;
  return {};
}

std::string value_of(const key_spec& key, const settings& from) {
  struct visitor {
    const key_spec& key;
    std::string operator()(const bool* x) const {
      return *x ? "true" : "false";
    }
    std::string operator()(const std::uint32_t* x) const {
      return written(key, *x);
    }
    std::string operator()(const std::uint64_t* x) const {
      return written(key, *x);
    }
    std::string operator()(const milliseconds* x) const {
      return format_duration(*x);
    }
    std::string operator()(const std::string* x) const {
      return *x;
    }
    std::string operator()(const std::vector<std::string>* x) const {
      std::string all;
      for (const auto& one : *x)
        all += (all.empty() ? "" : ",") + one;
      return all;
    }
  };
  auto copy = from;
  return std::visit(visitor{key}, key.where(copy));
}

std::vector<std::string> chosen_settings(const settings& from) {
  static const std::set<std::string> told_apart{
      "node.host", "http.listen", "http.admin_listen", "link.listen",
      "identity.secrets_file"};
  const settings defaults;
  std::vector<std::string> out;
  for (const auto& key : keys()) {
    auto path = path_of(key);
    auto value = value_of(key, from);
    if (!key.secret && told_apart.count(path) == 0
        && value != value_of(key, defaults))
      out.push_back(path + "=" + value);
  }
  std::sort(out.begin(), out.end());
  return out;
}

const std::vector<std::string_view>& node_section_names() {
  static const std::vector<std::string_view> sections{
      "store",  "http", "identity",  "llm",  "tool", "browser",
      "daemon", "run",  "retention", "link", "tls"};
  return sections;
}

const std::vector<std::string_view>& known_roles() {
  static const std::vector<std::string_view> roles{
      "gateway", "orchestrator", "agent",    "llm",
      "tool",    "browser",      "inspector"};
  return roles;
}

result<void> check_together(const settings& all) {
  auto refuse = [](std::string text) {
    return fail(errc::invalid_argument, std::move(text));
  };
  if (all.run.retry_backoff_min > all.run.retry_backoff_max)
    return refuse("run.retry_backoff_min is larger than retry_backoff_max");
  // Shorter, and a part could be dropped that somebody writes to yet.
  constexpr std::chrono::hours keep_least{1};
  for (const auto* name : {"keep_ended", "keep_continued"}) {
    const auto& key = *find_key("retention", name);
    auto copy = all;
    auto kept = *std::get<milliseconds*>(key.where(copy));
    if (kept > milliseconds{0} && kept < keep_least)
      return refuse(path_of(key) + ": expected 0, for ever, or at least 1h, "
                    + "found \"" + format_duration(kept) + "\"");
  }
  const auto& m = all.membership;
  if (m.renew_every * 2 >= m.lease || m.renew_every + m.margin >= m.lease)
    return refuse("membership.lease must be more than twice renew_every, and "
                  "more than renew_every and margin together");
  if (all.link.probe_after * 2 >= all.link.dead_after)
    return refuse("link.dead_after must be more than twice probe_after");
  if (all.link.reconnect_min > all.link.reconnect_max)
    return refuse("link.reconnect_min is larger than reconnect_max");
  const auto& tls = all.tls;
  if (!tls.empty() && (tls.ca.empty() || tls.cert.empty() || tls.key.empty()))
    return refuse("tls needs ca, cert and key, or none of them");
  auto link = parse_endpoint(all.link.listen);
  if (link && !is_loopback(*link) && tls.empty() && !all.insecure)
    return refuse("link.listen: other hosts reach " + all.link.listen
                  + ": give tls a ca, cert and key, use a loopback address, or "
                    "say insecure: true");
  struct door {
    const char* name;
    const std::string* where;
  };
  for (auto [name, text] : {door{"http.listen", &all.http.listen},
                            door{"http.admin_listen", &all.http.admin_listen}})
    if (auto where = parse_endpoint(*text);
        where && !is_loopback(*where) && !all.insecure)
      return refuse(std::string{name} + ": other hosts reach " + *text
                    + ", and nothing is encrypted, credentials neither: use a "
                      "loopback address behind a proxy that speaks TLS, or "
                      "say insecure: true");
  auto api = parse_endpoint(all.http.listen);
  if (api && api->port != 0 && all.http.listen == all.http.admin_listen)
    return refuse("http.listen and http.admin_listen are the same");
  return {};
}

} // namespace shannon::config
