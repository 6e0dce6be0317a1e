#include "actors/gateway/http/body_reader.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <utility>

namespace shannon::gateway {

namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;

/// A chunk's size line or the trailer fields: longer without an end is refused.
constexpr std::size_t line_bytes_max = 8 * 1024;
constexpr std::size_t trailer_bytes_max = 4 * 1024;

refusal too_large() {
  return {413, "body-bytes", "request body is too large"};
}

/// A parser whose chunk body goes where we say: Beast's own string body grows
/// with what the client claims, ours with what it sends.
class chunk_parser final : public http::basic_parser<true> {
public:
  std::string* body = nullptr;
  std::uint64_t bytes_max = 0;
  chunk_budget extensions;
  std::size_t trailer_bytes = 0;
  bool in_body = false;
  bool too_many_bytes = false;
  bool extensions_too_long = false;

private:
  using text = boost::beast::string_view;

  void on_request_impl(http::verb, text, text, int, error_code& ec) override {
    ec = {};
  }
  void on_response_impl(int, text, int, error_code& ec) override {
    ec = {};
  }
  void on_field_impl(http::field, text name, text value,
                     error_code& ec) override {
    ec = {};
    if (!in_body)
      return;
    trailer_bytes += name.size() + value.size();
    if (trailer_bytes > trailer_bytes_max)
      ec = http::error::header_limit;
  }
  void on_header_impl(error_code& ec) override {
    ec = {};
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>&,
                         error_code& ec) override {
    ec = {};
  }
  std::size_t on_body_impl(text bytes, error_code& ec) override {
    ec = {};
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t size, text extension,
                            error_code& ec) override {
    ec = {};
    extensions_too_long = !extensions.take(extension.size());
    too_many_bytes = too_many_bytes || size > bytes_max - body->size();
    if (extensions_too_long || too_many_bytes)
      ec = http::error::body_limit;
  }
  std::size_t on_chunk_body_impl(std::uint64_t, text bytes,
                                 error_code& ec) override {
    ec = {};
    if (bytes.size() > bytes_max - body->size()) {
      too_many_bytes = true;
      ec = http::error::body_limit;
      return 0;
    }
    body->append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_finish_impl(error_code& ec) override {
    ec = {};
  }
};

} // namespace

class body_reader::beast {
public:
  chunk_parser parser;
};

body_reader::body_reader(const request_head& head, std::uint64_t bytes_max)
    : bytes_max_(bytes_max), left_(head.content_length.value_or(0)),
      chunked_(head.chunked), beast_(std::make_unique<beast>()) {
  auto& parser = beast_->parser;
  parser.body = &body_;
  parser.bytes_max = bytes_max;
  // The strict layer has bounded the head already.
  parser.header_limit(64 * 1024);
  parser.body_limit(boost::none);
  parser.eager(true);
}

body_reader::~body_reader() = default;

std::optional<refusal> body_reader::begin(std::string_view head_bytes) {
  auto& parser = beast_->parser;
  if (!chunked_)
    parser.skip(true); // The body is counted here, Beast reads the head only.
  error_code failed;
  parser.put(boost::asio::buffer(head_bytes.data(), head_bytes.size()), failed);
  if ((failed && failed != http::error::need_more) || !parser.is_header_done())
    return refusal{400, "beast", "malformed request"};
  parser.in_body = true;
  return left_ > bytes_max_ ? std::optional{too_large()} : std::nullopt;
}

body_reader::progress body_reader::feed_counted(std::string_view bytes) {
  auto taken
      = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  body_.append(bytes.data(), taken);
  left_ -= taken;
  return {taken, left_ == 0, std::nullopt};
}

body_reader::progress body_reader::feed(std::string_view bytes) {
  if (!chunked_)
    return feed_counted(bytes);
  progress made;
  auto& parser = beast_->parser;
  while (!parser.is_done() && made.consumed < bytes.size()) {
    error_code failed;
    auto rest = bytes.substr(made.consumed);
    auto used
        = parser.put(boost::asio::buffer(rest.data(), rest.size()), failed);
    made.consumed += used;
    if (parser.too_many_bytes) {
      made.refused = too_large();
      return made;
    }
    if (parser.extensions_too_long) {
      made.refused
          = refusal{400, "chunk-extension", "chunk extensions are too long"};
      return made;
    }
    if (failed && failed != http::error::need_more) {
      made.refused = refusal{400, "chunk", "malformed chunked body"};
      return made;
    }
    if (used == 0)
      break;
  }
  made.done = parser.is_done();
  if (!made.done && bytes.size() - made.consumed > line_bytes_max)
    made.refused = refusal{400, "chunk", "line in chunked body is too long"};
  return made;
}

} // namespace shannon::gateway
