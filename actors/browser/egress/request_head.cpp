#include "actors/browser/egress/request_head.hpp"

#include "actors/browser/egress/head_text.hpp"
#include "actors/kit/http_text.hpp"

#include <algorithm>
#include <utility>

namespace shannon::browser {

namespace {

using checked = std::optional<head_refusal>;

constexpr std::size_t method_bytes_max = 32;
constexpr std::size_t fields_max = 200;

head_refusal bad(std::string why) {
  return {400, std::move(why)};
}

/// The path and query stay as the browser wrote them: servers sign and compare
/// them byte by byte.
bool is_target(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) {
    auto u = static_cast<unsigned char>(c);
    return u > 0x20 && u < 0x7f && c != '#';
  });
}

class request_reader {
public:
  explicit request_reader(std::string_view head) : rest_(head) {}

  tl::expected<request_head, head_refusal> read() {
    for (auto step : {&request_reader::request_line, &request_reader::fields,
                      &request_reader::framing, &request_reader::place})
      if (auto refused = (this->*step)())
        return tl::unexpected<head_refusal>(std::move(*refused));
    out_.keep_alive = !lists(fields_, "connection", "close")
                      && !lists(fields_, "proxy-connection", "close");
    if (!out_.tunnel)
      write();
    return std::move(out_);
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
      return bad("malformed request line");
    auto method = text.substr(0, first);
    target_ = text.substr(first + 1, last - first - 1);
    if (!kit::is_token(method) || method.size() > method_bytes_max)
      return bad("malformed method");
    if (text.substr(last + 1) != "HTTP/1.1")
      return head_refusal{505, "only HTTP/1.1 is spoken here"};
    if (kit::same_letters(method, "TRACE")
        || kit::same_letters(method, "TRACK"))
      return head_refusal{405, "this method is not allowed"};
    out_.method = method;
    out_.tunnel = method == "CONNECT";
    if (!out_.tunnel && kit::same_letters(method, "CONNECT"))
      return bad("malformed method");
    return std::nullopt;
  }

  checked fields() {
    for (auto text = line(); !text.empty(); text = line()) {
      auto colon = text.find(':');
      // A name with a blank before its colon is no token, nor is a fold.
      if (colon == std::string_view::npos
          || !kit::is_token(text.substr(0, colon)))
        return bad("malformed header field name");
      auto what = kit::trimmed(text.substr(colon + 1));
      if (kit::has_control(what))
        return bad("control character in a header field");
      if (fields_.size() == fields_max)
        return head_refusal{431, "too many header fields"};
      fields_.push_back({text.substr(0, colon), what});
    }
    return count(fields_, "host") == 1
               ? std::nullopt
               : checked{bad("exactly one Host field is expected")};
  }

  checked framing() {
    auto lengths = count(fields_, "content-length");
    auto codings = count(fields_, "transfer-encoding");
    if (lengths > 0 && codings > 0)
      return bad("both Content-Length and Transfer-Encoding");
    if (lengths > 1 || codings > 1)
      return bad("more than one field says where the body ends");
    if (out_.tunnel && lengths + codings > 0)
      return bad("CONNECT with a body");
    if (codings == 1) {
      if (!kit::same_letters(value(fields_, "transfer-encoding"), "chunked"))
        return bad("Transfer-Encoding must be exactly chunked");
      out_.body = body_end::chunked(false);
    }
    if (lengths == 1) {
      unsigned long long length = 0;
      if (!read_length(value(fields_, "content-length"), length))
        return bad("malformed Content-Length");
      out_.body = body_end::after(length);
      has_length_ = true;
    }
    return std::nullopt;
  }

  checked place() {
    if (out_.tunnel)
      return set_where(target_);
    constexpr std::string_view scheme = "http://";
    if (!kit::same_letters(target_.substr(0, scheme.size()), scheme))
      return head_refusal{403, "a proxy serves http:// URLs and CONNECT alone"};
    target_.remove_prefix(scheme.size());
    auto authority = target_.substr(0, target_.find_first_of("/?#"));
    target_.remove_prefix(authority.size());
    if (!is_target(target_))
      return bad("malformed path or query");
    return set_where(authority);
  }

  checked set_where(std::string_view authority) {
    // Only what is host and port alone comes through as such.
    if (authority.find_first_of("/?#") != std::string_view::npos)
      return bad("malformed host and port");
    auto read = kit::parse_url((out_.tunnel ? "https://" : "http://")
                               + std::string{authority} + "/");
    if (!read)
      return bad(std::move(read.error().text));
    auto colon = authority.rfind(':');
    auto bracket = authority.rfind(']');
    if (out_.tunnel
        && (colon == std::string_view::npos
            || (bracket != std::string_view::npos && colon < bracket)))
      return bad("CONNECT expects a port");
    out_.where = std::move(*read);
    return std::nullopt;
  }

  void write() {
    // Nothing but WebSockets: what else a connection can be turned into
    // (h2c) would not be followed here.
    out_.upgrade = lists(fields_, "connection", "upgrade")
                   && kit::same_letters(value(fields_, "upgrade"), "websocket")
                   && count(fields_, "upgrade") == 1;
    auto host = out_.where.authority();
    if (out_.where.port == 80)
      host.erase(host.rfind(':'));
    auto& to = out_.bytes;
    to.reserve(rest_.size() + 1024);
    to.append(out_.method).append(" ");
    if (target_.empty() || target_.front() != '/')
      to += '/';
    to.append(target_).append(" HTTP/1.1\r\nHost: ").append(host);
    to.append("\r\n");
    append_end_to_end(to, fields_);
    if (out_.body.is_chunked())
      to += "Transfer-Encoding: chunked\r\n";
    else if (has_length_)
      to.append("Content-Length: ")
          .append(value(fields_, "content-length"))
          .append("\r\n");
    to += out_.upgrade ? "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
                       : "Connection: keep-alive\r\n\r\n";
  }

  std::string_view rest_;
  std::string_view target_;
  head_fields fields_;
  bool has_length_ = false;
  request_head out_;
};

} // namespace

head_scan scan_request(std::string_view bytes, std::size_t from,
                       std::size_t bytes_max) {
  head_scan scan;
  for (auto i = from; i < bytes.size() && scan.size == 0; ++i) {
    auto c = bytes[i];
    bool after_cr = i > 0 && bytes[i - 1] == '\r';
    if (c == '\0')
      scan.refused = bad("NUL in the header");
    else if ((c == '\n') != after_cr)
      scan.refused = bad("a line must end in CR LF");
    else if (c == '\n' && i == 1)
      scan.refused = bad("empty request line");
    else if (c == '\n' && i >= 3 && bytes[i - 2] == '\n')
      scan.size = i + 1;
    if (scan.refused)
      return scan;
  }
  if ((scan.size == 0 ? bytes.size() : scan.size) > bytes_max) {
    scan.size = 0;
    scan.refused = head_refusal{431, "the request's head is too large"};
  }
  return scan;
}

tl::expected<request_head, head_refusal> parse_request(std::string_view head) {
  return request_reader{head}.read();
}

} // namespace shannon::browser
