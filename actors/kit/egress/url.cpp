#include "actors/kit/egress/url.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace shannon::kit {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lowered(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

auto bad(std::string why) {
  return fail(errc::invalid_argument, "url: " + std::move(why));
}

/// WHATWG's "ends in a number": some resolver would read it as an IPv4
/// address in an odd notation.
bool ends_in_number(std::string_view host) {
  auto label = host.substr(host.rfind('.') + 1);
  if (std::all_of(label.begin(), label.end(), is_digit))
    return true;
  return label.size() >= 2 && label[0] == '0' && label[1] == 'x'
         && std::all_of(label.begin() + 2, label.end(), is_hex);
}

result<void> check_name(std::string_view host) {
  if (host.size() > 253)
    return bad("the host name is longer than 253 characters");
  std::size_t begin = 0;
  while (begin <= host.size()) {
    auto end = std::min(host.find('.', begin), host.size());
    auto label = host.substr(begin, end - begin);
    if (label.empty())
      return bad("the host name has an empty part");
    if (label.size() > 63)
      return bad("a part of the host name is longer than 63 characters");
    if (label.front() == '-' || label.back() == '-')
      return bad("a part of the host name starts or ends with a hyphen");
    for (char c : label)
      if (!is_digit(c) && !(c >= 'a' && c <= 'z') && c != '-' && c != '_')
        return bad(static_cast<unsigned char>(c) >= 0x80
                       ? "the host name has characters beyond ASCII; write it "
                         "as punycode (xn--...)"
                       : "the host name has a character that is not allowed");
    begin = end + 1;
  }
  return {};
}

result<void> set_host(url& out, std::string_view text) {
  boost::system::error_code ec;
  if (!text.empty() && text.front() == '[') {
    auto inner = text.substr(1, text.size() - 2);
    if (inner.find('%') != std::string_view::npos)
      return bad("an IPv6 address with a zone is not allowed");
    auto addr = boost::asio::ip::make_address_v6(std::string{inner}, ec);
    if (ec)
      return bad("the text in brackets is no IPv6 address");
    out.literal = addr;
    out.host = addr.to_string();
    return {};
  }
  auto host = lowered(text);
  if (host.size() > 1 && host.back() == '.')
    host.pop_back();
  if (host.empty())
    return bad("there is no host");
  if (auto ok = check_name(host); !ok)
    return ok;
  if (ends_in_number(host)) {
    auto addr = boost::asio::ip::make_address_v4(host, ec);
    // Octal, hexadecimal and short forms mean different hosts to different
    // parsers; only what comes back unchanged is unambiguous.
    if (ec || addr.to_string() != host)
      return bad("an IPv4 address must be four decimal numbers with dots");
    out.literal = addr;
  }
  out.host = std::move(host);
  return {};
}

result<void> set_port(url& out, std::string_view text) {
  unsigned value = 0;
  auto [end, ec]
      = std::from_chars(text.data(), text.data() + text.size(), value);
  bool plain = !text.empty() && text.size() <= 5 && text.front() != '0'
               && std::all_of(text.begin(), text.end(), is_digit);
  if (!plain || ec != std::errc{} || end != text.data() + text.size()
      || value > 65535)
    return bad("the port must be a number from 1 to 65535");
  out.port = static_cast<std::uint16_t>(value);
  return {};
}

/// Path and query as they go on the wire.
result<std::string> encode_target(std::string_view text) {
  static constexpr std::string_view hex = "0123456789ABCDEF";
  static constexpr std::string_view unsafe = "\"<>^`{|}";
  std::string out;
  out.reserve(text.size() + 1);
  if (text.empty() || text.front() != '/')
    out += '/';
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    if (c == '%') {
      if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2]))
        return bad("a percent sign must be followed by two hex digits");
      auto code = lowered(text.substr(i + 1, 2));
      if (code < "20" || code == "7f")
        return bad("an encoded control character is not allowed");
    }
    if (c >= 0x80 || unsafe.find(text[i]) != std::string_view::npos) {
      out += '%';
      out += hex[c >> 4];
      out += hex[c & 15];
    } else {
      out += text[i];
    }
  }
  return out;
}

/// RFC 3986, 5.2.4.
std::string without_dot_segments(std::string_view path) {
  std::vector<std::string_view> kept;
  bool ends_in_slash = false;
  std::size_t begin = 1;
  while (begin <= path.size()) {
    auto end = std::min(path.find('/', begin), path.size());
    auto part = path.substr(begin, end - begin);
    ends_in_slash = part == "." || part == "..";
    if (part == "..") {
      if (!kept.empty())
        kept.pop_back();
    } else if (part != ".") {
      kept.push_back(part);
    }
    begin = end + 1;
  }
  std::string out;
  for (auto part : kept)
    out.append("/").append(part);
  if (out.empty() || ends_in_slash)
    out += '/';
  return out;
}

result<void> check_characters(std::string_view text) {
  if (text.size() > url_bytes_max)
    return bad("longer than " + std::to_string(url_bytes_max) + " bytes");
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    if (c <= 0x20 || c == 0x7f || c == '\\')
      return bad("white space, a control character or a backslash at "
                 "position "
                 + std::to_string(i));
  }
  return {};
}

/// Where the part that names the scheme ends, or npos.
std::size_t scheme_end(std::string_view text) {
  auto colon = text.find(':');
  if (colon == 0 || colon == std::string_view::npos
      || text.find_first_of("/?#") < colon)
    return std::string_view::npos;
  return colon;
}

} // namespace

std::string url::authority() const {
  bool v6 = literal && literal->is_v6();
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string url::text() const {
  auto where = authority();
  if (port == (tls ? 443 : 80))
    where.erase(where.rfind(':'));
  return (tls ? "https://" : "http://") + where + target;
}

result<url> parse_url(std::string_view text) {
  if (auto ok = check_characters(text); !ok)
    return tl::unexpected(ok.error());
  auto colon = scheme_end(text);
  if (colon == std::string_view::npos)
    return bad("must start with http:// or https://");
  auto scheme = lowered(text.substr(0, colon));
  url out;
  if (scheme == "https") {
    out.tls = true;
    out.port = 443;
  } else if (scheme != "http") {
    return bad("only http and https are allowed");
  }
  auto rest = text.substr(colon + 1);
  if (rest.substr(0, 2) != "//")
    return bad("after the scheme, // is expected");
  rest.remove_prefix(2);
  rest = rest.substr(0, rest.find('#'));
  auto split = std::min(rest.find_first_of("/?"), rest.size());
  auto where = rest.substr(0, split);
  if (where.find('@') != std::string_view::npos)
    return bad("a user name or password is not allowed");
  auto host_end = where.find(':');
  if (!where.empty() && where.front() == '[') {
    auto close = where.find(']');
    if (close == std::string_view::npos)
      return bad("a bracket is not closed");
    host_end = close + 1 == where.size() ? std::string_view::npos : close + 1;
    if (host_end != std::string_view::npos && where[host_end] != ':')
      return bad("only a port may follow the address");
  }
  if (auto ok = set_host(out, where.substr(0, host_end)); !ok)
    return tl::unexpected(ok.error());
  if (host_end != std::string_view::npos)
    if (auto ok = set_port(out, where.substr(host_end + 1)); !ok)
      return tl::unexpected(ok.error());
  auto target = encode_target(rest.substr(split));
  if (!target)
    return tl::unexpected(target.error());
  out.target = std::move(*target);
  return out;
}

result<url> resolve_url(const url& base, std::string_view reference) {
  if (auto ok = check_characters(reference); !ok)
    return tl::unexpected(ok.error());
  reference = reference.substr(0, reference.find('#'));
  if (scheme_end(reference) != std::string_view::npos)
    return parse_url(reference);
  if (reference.substr(0, 2) == "//")
    return parse_url((base.tls ? "https:" : "http:") + std::string{reference});
  auto question = std::min(base.target.find('?'), base.target.size());
  auto base_path = base.target.substr(0, question);
  std::string target;
  if (reference.empty()) {
    target = base.target;
  } else if (reference.front() == '?') {
    target = base_path + std::string{reference};
  } else {
    auto query = std::min(reference.find('?'), reference.size());
    auto path = std::string{reference.substr(0, query)};
    if (path.front() != '/')
      path = base_path.substr(0, base_path.rfind('/') + 1) + path;
    target = without_dot_segments(path) + std::string{reference.substr(query)};
  }
  auto encoded = encode_target(target);
  if (!encoded)
    return tl::unexpected(encoded.error());
  url out = base;
  out.target = std::move(*encoded);
  return out;
}

std::string_view refused_name(std::string_view host) noexcept {
  if (host.find('.') == std::string_view::npos)
    return "a name without a dot means a machine of this network";
  // RFC 6761, 6762, 7686, 8375, 9476 and what clouds call their metadata.
  static constexpr std::array<std::string_view, 12> endings{
      ".localhost", ".local",    ".internal", ".home.arpa",
      ".onion",     ".invalid",  ".test",     ".localdomain",
      ".lan",       ".intranet", ".corp",     ".alt"};
  for (auto ending : endings)
    if (host.size() > ending.size()
        && host.substr(host.size() - ending.size()) == ending)
      return "the name is reserved for local networks";
  return {};
}

bool refused_port(std::uint16_t port) noexcept {
  static constexpr auto bad_ports = std::to_array<std::uint16_t>(
      {1,    7,    9,    11,   13,   15,   17,   19,   20,   21,   22,
       23,   25,   37,   42,   43,   53,   69,   77,   79,   87,   95,
       101,  102,  103,  104,  109,  110,  111,  113,  115,  117,  119,
       123,  135,  137,  139,  143,  161,  179,  389,  427,  465,  512,
       513,  514,  515,  526,  530,  531,  532,  540,  548,  554,  556,
       563,  587,  601,  636,  989,  990,  993,  995,  1719, 1720, 1723,
       2049, 3306, 3389, 3659, 4045, 4190, 5060, 5061, 5432, 5672, 6000,
       6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 9200, 11211});
  return std::binary_search(bad_ports.begin(), bad_ports.end(), port);
}

} // namespace shannon::kit
