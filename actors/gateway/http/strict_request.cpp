#include "actors/gateway/http/strict_request.hpp"

#include "actors/kit/http_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace shannon::gateway {

namespace {

using parsed = tl::expected<request_head, refusal>;
using checked = std::optional<refusal>;

constexpr std::size_t method_bytes_max = 32;

refusal bad(std::string_view reason, std::string text) {
  return {400, reason, std::move(text)};
}

bool is_control(char c) noexcept {
  auto u = static_cast<unsigned char>(c);
  return u < 0x20 || u == 0x7f;
}

bool is_host(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
           || (c >= 'A' && c <= 'Z')
           || std::string_view{".-_:[]%~"}.find(c) != std::string_view::npos;
  });
}

/// `host` and `host:80` are the same place.
std::string_view without_default_port(std::string_view host) noexcept {
  if (host.size() > 3 && host.substr(host.size() - 3) == ":80")
    host.remove_suffix(3);
  return host;
}

class head_reader {
public:
  head_reader(std::string_view head, const strict_limits& limits)
      : rest_(head), limits_(limits) {}

  parsed read() {
    for (auto step :
         {&head_reader::request_line, &head_reader::field_lines,
          &head_reader::host, &head_reader::framing, &head_reader::connection})
      if (auto refused = (this->*step)())
        return tl::unexpected<refusal>(std::move(*refused));
    return std::move(head_);
  }

private:
  std::string_view line() {
    auto end = rest_.find("\r\n");
    auto text = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 2);
    return text;
  }

  checked request_line() {
    auto text = line();
    auto first = text.find(' ');
    auto last = text.rfind(' ');
    if (first == std::string_view::npos || first == last)
      return bad("request-line", "malformed request line");
    auto method = text.substr(0, first);
    target_ = text.substr(first + 1, last - first - 1);
    auto version = text.substr(last + 1);
    if (!kit::is_token(method) || method.size() > method_bytes_max)
      return bad("method", "malformed method");
    if (target_.empty()
        || std::any_of(target_.begin(), target_.end(),
                       [](char c) { return c == ' ' || is_control(c); }))
      return bad("target", "malformed request target");
    if (version == "HTTP/1.0")
      head_.http_1_1 = false;
    else if (version != "HTTP/1.1")
      return version.substr(0, 5) == "HTTP/"
                 ? refusal{505, "version", "HTTP version not supported"}
                 : bad("version", "malformed HTTP version");
    head_.method = method;
    return std::nullopt;
  }

  checked field_lines() {
    for (auto text = line(); !text.empty(); text = line()) {
      if (text.front() == ' ' || text.front() == '\t')
        return bad("obs-fold", "folded header fields are not supported");
      auto colon = text.find(':');
      if (colon == std::string_view::npos
          || !kit::is_token(text.substr(0, colon)))
        return bad("field-name", "malformed header field name");
      auto value = kit::trimmed(text.substr(colon + 1));
      if (kit::has_control(value))
        return bad("field-value", "control character in a header field");
      if (head_.fields.size() == limits_.header_fields_max)
        return refusal{431, "field-count", "too many header fields"};
      head_.fields.emplace_back(kit::lower_letters(text.substr(0, colon)),
                                value);
    }
    return std::nullopt;
  }

  /// The one field of this name; null if there is none. Repeats are refused
  /// by the caller through `count`.
  std::size_t count(std::string_view name) const noexcept {
    return static_cast<std::size_t>(
        std::count_if(head_.fields.begin(), head_.fields.end(),
                      [&](const auto& field) { return field.first == name; }));
  }

  std::string_view value(std::string_view name) const noexcept {
    for (const auto& field : head_.fields)
      if (field.first == name)
        return field.second;
    return {};
  }

  checked host() {
    auto hosts = count("host");
    if (hosts > 1)
      return bad("host", "more than one Host field");
    if (hosts == 0 && head_.http_1_1)
      return bad("host", "Host field is missing");
    auto named = value("host");
    if (hosts == 1 && !is_host(named))
      return bad("host", "malformed Host field");
    return origin_of_target(named, hosts == 1);
  }

  checked origin_of_target(std::string_view named, bool has_host) {
    if (target_.find('#') != std::string_view::npos)
      return bad("target", "fragment in the request target");
    if (target_ == "*" && head_.method == "OPTIONS") {
      head_.path = "*";
      return std::nullopt;
    }
    if (target_.front() != '/') {
      constexpr std::string_view scheme = "http://";
      if (!kit::same_letters(target_.substr(0, scheme.size()), scheme))
        return bad("target", "request target must be a path");
      auto rest = target_.substr(scheme.size());
      auto authority = rest.substr(0, rest.find_first_of("/?"));
      if (!is_host(authority)
          || (has_host
              && !kit::same_letters(without_default_port(authority),
                                    without_default_port(named))))
        return bad("absolute-form", "request target names another host");
      target_ = rest.substr(authority.size());
    }
    auto mark = target_.find('?');
    head_.path = target_.substr(0, mark);
    if (head_.path.empty())
      head_.path = "/";
    if (mark != std::string_view::npos)
      head_.query = target_.substr(mark + 1);
    return std::nullopt;
  }

  checked framing() {
    auto lengths = count("content-length");
    auto codings = count("transfer-encoding");
    if (lengths > 1)
      return bad("content-length", "more than one Content-Length field");
    if (codings > 0) {
      if (!head_.http_1_1)
        return bad("transfer-encoding", "Transfer-Encoding in HTTP/1.0");
      if (lengths > 0)
        return bad("framing", "both Content-Length and Transfer-Encoding");
      if (codings > 1
          || !kit::same_letters(value("transfer-encoding"), "chunked"))
        return bad("transfer-encoding",
                   "Transfer-Encoding must be exactly chunked");
      head_.chunked = true;
    }
    if (lengths == 1) {
      auto text = value("content-length");
      std::uint64_t length = 0;
      auto [end, failed]
          = std::from_chars(text.data(), text.data() + text.size(), length);
      // from_chars takes no sign, blank or prefix for an unsigned number.
      if (failed != std::errc{} || end != text.data() + text.size()
          || text.size() > 18)
        return bad("content-length", "malformed Content-Length");
      head_.content_length = length;
    }
    return std::nullopt;
  }

  checked connection() {
    bool close = false;
    bool keep = false;
    for (const auto& [name, text] : head_.fields) {
      if (name != "connection")
        continue;
      std::string_view rest = text;
      while (!rest.empty()) {
        auto comma = rest.find(',');
        auto word = kit::trimmed(rest.substr(0, comma));
        close = close || kit::same_letters(word, "close");
        keep = keep || kit::same_letters(word, "keep-alive");
        rest = comma == std::string_view::npos ? std::string_view{}
                                               : rest.substr(comma + 1);
      }
    }
    head_.keep_alive = !close && (head_.http_1_1 || keep);
    if (auto expected = value("expect"); count("expect") > 0) {
      if (count("expect") > 1 || !kit::same_letters(expected, "100-continue"))
        return refusal{417, "expect", "only 100-continue can be expected"};
      head_.expects_continue = head_.http_1_1;
    }
    return std::nullopt;
  }

  std::string_view rest_;
  const strict_limits& limits_;
  std::string_view target_;
  request_head head_;
};

} // namespace

head_scan scan_head(std::string_view bytes, std::size_t from,
                    const strict_limits& limits) {
  head_scan scan;
  for (auto i = from; i < bytes.size(); ++i) {
    auto c = bytes[i];
    if (c == '\0') {
      scan.refused = bad("nul", "NUL in the header");
      return scan;
    }
    if (c == '\n') {
      if (i == 0 || bytes[i - 1] != '\r') {
        scan.refused = bad("bare-lf", "line feed without carriage return");
        return scan;
      }
      if (i == 1) {
        scan.refused = bad("request-line", "empty request line");
        return scan;
      }
      if (i >= 3 && bytes[i - 2] == '\n' && bytes[i - 3] == '\r') {
        scan.size = i + 1;
        break;
      }
    } else if (i > 0 && bytes[i - 1] == '\r') {
      scan.refused = bad("bare-cr", "carriage return without line feed");
      return scan;
    }
  }
  if ((scan.size == 0 ? bytes.size() : scan.size) > limits.header_bytes_max) {
    scan.size = 0;
    scan.refused = refusal{431, "header-bytes", "request header is too large"};
  }
  return scan;
}

parsed parse_head(std::string_view head, const strict_limits& limits) {
  return head_reader{head, limits}.read();
}

} // namespace shannon::gateway
