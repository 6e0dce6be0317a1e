#include "actors/browser/egress/answer_head.hpp"

#include "actors/browser/egress/head_text.hpp"
#include "actors/kit/http_text.hpp"

#include <algorithm>
#include <list>
#include <utility>

namespace shannon::browser {

namespace {

constexpr std::size_t fields_max = 1000;

class answer_reader {
public:
  answer_reader(std::string_view head, const asked& how)
      : rest_(head), how_(how) {}

  tl::expected<answer_head, std::string> read() {
    for (auto step : {&answer_reader::status_line, &answer_reader::fields,
                      &answer_reader::status, &answer_reader::framing})
      if (const auto* why = (this->*step)())
        return tl::unexpected<std::string>(why);
    write();
    return std::move(out_);
  }

private:
  std::string_view line() {
    auto end = rest_.find('\n');
    auto text = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (!text.empty() && text.back() == '\r')
      text.remove_suffix(1);
    return text;
  }

  const char* status_line() {
    auto text = line();
    auto version = text.substr(0, 8);
    http_1_1_ = version == "HTTP/1.1";
    if (!http_1_1_ && version != "HTTP/1.0")
      return "the server does not answer in HTTP/1.1 or 1.0";
    auto code = text.substr(8, 4);
    bool plain = code.size() == 4 && code[0] == ' '
                 && std::all_of(code.begin() + 1, code.end(),
                                [](char c) { return c >= '0' && c <= '9'; })
                 && (text.size() == 12 || text[12] == ' ');
    if (!plain || code[1] == '0')
      return "the server's status line is malformed";
    out_.status
        = (code[1] - '0') * 100 + (code[2] - '0') * 10 + (code[3] - '0');
    reason_ = text.size() > 13 ? text.substr(13) : std::string_view{};
    if (kit::has_control(reason_))
      reason_ = {};
    return nullptr;
  }

  /// A field that is no field is left out, as browsers do; a folded one is
  /// put on one line.
  const char* fields() {
    bool last_kept = false;
    for (auto text = line(); !text.empty(); text = line()) {
      auto what = kit::trimmed(text);
      if (kit::has_control(what)) {
        last_kept = false;
        continue;
      }
      if (text.front() == ' ' || text.front() == '\t') {
        if (last_kept) {
          auto& whole = unfolded_.emplace_back(fields_.back().value);
          fields_.back().value = whole.append(" ").append(what);
        }
        continue;
      }
      auto colon = text.find(':');
      last_kept = colon != std::string_view::npos
                  && kit::is_token(text.substr(0, colon));
      if (!last_kept)
        continue;
      if (fields_.size() == fields_max)
        return "the server's answer has too many header fields";
      fields_.push_back(
          {text.substr(0, colon), kit::trimmed(text.substr(colon + 1))});
    }
    return nullptr;
  }

  const char* status() {
    // The browser would take it for the proxy's own.
    if (out_.status == 407)
      return "the server asks for a proxy's credentials";
    if (out_.status == 101 && !how_.upgrade)
      return "the server changes the protocol unasked";
    return nullptr;
  }

  const char* framing() {
    bool bare = out_.status / 100 == 1 || out_.status == 204
                || out_.status == 304 || how_.head;
    auto codings = count(fields_, "transfer-encoding");
    if (auto* why = lengths(); why && codings == 0)
      return why;
    bool closes = lists(fields_, "connection", "close");
    out_.server_keeps
        = http_1_1_ ? !closes : lists(fields_, "connection", "keep-alive");
    if (codings > 0) {
      if (!http_1_1_ || codings > 1
          || !kit::same_letters(value(fields_, "transfer-encoding"), "chunked"))
        return "the server's Transfer-Encoding is not exactly chunked";
      // With both, somebody on the way may have read the other one.
      out_.server_keeps = out_.server_keeps && length_.empty();
      length_ = {};
    }
    if (bare)
      out_.body = body_end::none();
    else if (codings > 0)
      out_.body = body_end::chunked(true);
    else if (!length_.empty())
      out_.body = body_end::after(bytes_);
    else
      out_.body = body_end::at_close();
    chunked_ = codings > 0 && out_.status / 100 != 1 && out_.status != 204;
    if (out_.body.is_at_close())
      out_.server_keeps = false;
    out_.client_keeps = how_.keep_alive && !out_.body.is_at_close();
    return nullptr;
  }

  /// Equal lengths are one length.
  const char* lengths() {
    for (const auto& field : fields_) {
      if (!kit::same_letters(field.name, "content-length"))
        continue;
      unsigned long long bytes = 0;
      if (!read_length(field.value, bytes)
          || (!length_.empty() && bytes != bytes_)) {
        length_ = "?";
        return "the server's Content-Length is malformed";
      }
      bytes_ = bytes;
      length_ = field.value;
    }
    return nullptr;
  }

  void write() {
    auto& to = out_.bytes;
    to.reserve(rest_.size() + 1024);
    to.append("HTTP/1.1 ").append(std::to_string(out_.status)).append(" ");
    to.append(reason_).append("\r\n");
    append_end_to_end(to, fields_);
    if (chunked_)
      to += "Transfer-Encoding: chunked\r\n";
    else if (!length_.empty() && out_.status / 100 != 1 && out_.status != 204)
      to.append("Content-Length: ").append(length_).append("\r\n");
    if (out_.status == 101)
      to += "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    else if (!out_.client_keeps && !out_.is_interim())
      to += "Connection: close\r\n";
    to += "\r\n";
  }

  std::string_view rest_;
  const asked& how_;
  std::string_view reason_;
  head_fields fields_;
  std::list<std::string> unfolded_;
  bool http_1_1_ = false;
  bool chunked_ = false;
  std::string_view length_;
  unsigned long long bytes_ = 0;
  answer_head out_;
};

} // namespace

std::size_t find_answer_end(std::string_view bytes, std::size_t from) noexcept {
  for (auto at = bytes.find('\n', from); at != std::string_view::npos;
       at = bytes.find('\n', at + 1)) {
    auto before = at > 0 && bytes[at - 1] == '\r' ? at - 1 : at;
    if (before > 0 && bytes[before - 1] == '\n')
      return at + 1;
  }
  return 0;
}

tl::expected<answer_head, std::string> parse_answer(std::string_view head,
                                                    const asked& how) {
  return answer_reader{head, how}.read();
}

} // namespace shannon::browser
