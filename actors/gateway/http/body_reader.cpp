#include "actors/gateway/http/body_reader.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>

namespace shannon::gateway {

namespace http = boost::beast::http;

body_reader::body_reader(const request_head& head, std::uint64_t bytes_max)
    : bytes_max_(bytes_max), left_(head.content_length.value_or(0)),
      chunked_(head.chunked), chunks_(bytes_max) {}

std::optional<refusal> body_reader::begin(std::string_view head_bytes) const {
  http::request_parser<http::empty_body> beast;
  // The strict layer has bounded the head already; the body is read here.
  beast.header_limit(64 * 1024);
  beast.body_limit(boost::none);
  beast.skip(true);
  boost::beast::error_code failed;
  beast.put(boost::asio::buffer(head_bytes.data(), head_bytes.size()), failed);
  if ((failed && failed != http::error::need_more) || !beast.is_header_done())
    return refusal{400, "beast", "malformed request"};
  if (left_ > bytes_max_)
    return refusal{413, "body-bytes", "request body is too large"};
  return std::nullopt;
}

body_reader::progress body_reader::feed_counted(std::string_view bytes) {
  auto taken
      = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  body_.append(bytes.data(), taken);
  left_ -= taken;
  return {taken, left_ == 0, std::nullopt};
}

body_reader::progress body_reader::feed(std::string_view bytes) {
  return chunked_ ? chunks_.feed(bytes, body_) : feed_counted(bytes);
}

} // namespace shannon::gateway
