#pragma once

#include "actors/kit/http_client.hpp"
#include "actors/kit/http_text.hpp"
#include "protocols/errc.hpp"

#include <boost/beast/http/basic_parser.hpp>

#include <cstdint>
#include <string>

/// How the HTTP client's requests and answers look on the wire; no sockets.
namespace shannon::kit {

/// Refuses whatever could start a header or a second request of its own.
result<void> check_request(const http_request& request);

/// The bytes of a request that was checked.
std::string serialize_request(const http_request& request);

/// Hands out the head and each piece of the body as they are parsed.
class answer_parser : public boost::beast::http::basic_parser<false> {
public:
  answer_parser(const http_events& events, const http_limits& limits,
                bool without_body)
      : events_(events) {
    eager(true);
    skip(without_body);
    header_limit(limits.header_bytes_max);
    body_limit(limits.body_bytes_max);
  }

  /// 1xx: the real answer follows.
  bool is_interim() const noexcept {
    return head_.status / 100 == 1;
  }

private:
  using view = boost::beast::string_view;
  using error_code = boost::beast::error_code;

  static std::string_view plain(view text) {
    return {text.data(), text.size()};
  }
  void give(view body) {
    if (!body.empty() && events_.data)
      events_.data(plain(body));
  }

  void on_request_impl(boost::beast::http::verb, view, view, int,
                       error_code&) override {}
  void on_response_impl(int code, view, int, error_code&) override {
    head_.status = code;
  }
  void on_field_impl(boost::beast::http::field, view name, view value,
                     error_code&) override {
    head_.headers.emplace_back(lower_letters(plain(name)), plain(value));
  }
  void on_header_impl(error_code&) override {
    if (!is_interim() && events_.head)
      events_.head(head_);
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>&,
                         error_code&) override {}
  std::size_t on_body_impl(view body, error_code&) override {
    give(body);
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, view body,
                                 error_code&) override {
    give(body);
    return body.size();
  }
  void on_finish_impl(error_code&) override {}

  const http_events& events_;
  http_head head_;
};

} // namespace shannon::kit
