// What a browser asks of its proxy, and what servers answer. What holds: how
// bytes are cut into pieces changes nothing; what is taken is understood by
// Beast in the same way; what is passed on is clean, names the host that was
// checked, and would be read again as it was.

#include "actors/browser/egress/answer_head.hpp"
#include "actors/browser/egress/head_text.hpp"
#include "actors/browser/egress/request_head.hpp"
#include "actors/kit/http_text.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::browser;
using namespace shannon::fuzz;
namespace http = boost::beast::http;

namespace {

constexpr std::size_t head_max = 4'000;

/// The lines of what we wrote ourselves.
head_fields fields_of(std::string_view head) {
  head_fields out;
  auto line_end = head.find("\r\n");
  for (head.remove_prefix(line_end + 2); head != "\r\n";) {
    auto end = head.find("\r\n");
    expect(end != std::string_view::npos && end > 0, "a head ends once");
    auto line = head.substr(0, end);
    auto colon = line.find(": ");
    expect(colon != std::string_view::npos
               && kit::is_token(line.substr(0, colon)),
           "a field has a name");
    expect(!kit::has_control(line), "a field has no controls");
    out.push_back({line.substr(0, colon), line.substr(colon + 2)});
    head.remove_prefix(end + 2);
  }
  return out;
}

template <class Parser>
void feed(Parser& beast, std::string_view head) {
  beast.header_limit(64 * 1024);
  beast.body_limit(boost::none);
  boost::beast::error_code failed;
  beast.put(boost::asio::buffer(head.data(), head.size()), failed);
  expect(!failed || failed == http::error::need_more
             || failed == http::error::partial_message,
         "Beast reads what is passed on");
  expect(beast.is_header_done(), "Beast sees the same end of a head");
}

head_scan scan_in_pieces(std::string_view bytes, std::uint8_t seed) {
  pieces sizes{seed};
  head_scan scan;
  std::size_t from = 0;
  for (std::size_t have = 0; have < bytes.size();) {
    have = std::min(bytes.size(), have + sizes.next());
    scan = scan_request(bytes.substr(0, have), from, head_max);
    if (scan.refused || scan.size > 0)
      return scan;
    from = have;
  }
  return scan;
}

void check_request(std::string_view bytes, std::uint8_t seed) {
  auto scan = scan_request(bytes, 0, head_max);
  auto cut = scan_in_pieces(bytes, seed);
  expect(scan.size == cut.size && !scan.refused == !cut.refused,
         "a head ends at the same byte, however its bytes arrive");
  if (scan.size == 0)
    return;
  expect(!scan.refused && scan.size <= head_max, "a head is bounded");
  auto got = parse_request(bytes.substr(0, scan.size));
  if (!got)
    return expect(got.error().status >= 400 && !got.error().why.empty(),
                  "a refusal says why");
  const auto& where = got->where;
  expect(!where.host.empty() && where.port > 0, "there is a place to go to");
  expect(where.host.find_first_of("@/?#\\ \t\r\n%") == std::string::npos,
         "a host is a host");
  auto again = kit::parse_url("http://" + where.authority() + "/");
  expect(again && again->host == where.host && again->port == where.port,
         "a place stays the same when it is read again");
  if (got->tunnel)
    return expect(got->body.done() && got->bytes.empty(),
                  "a tunnel begins with nothing");
  auto fields = fields_of(got->bytes);
  auto host = where.authority();
  if (where.port == 80)
    host.erase(host.rfind(':'));
  expect(fields.front().name == "Host" && fields.front().value == host,
         "the server is told the host that was checked");
  expect(count(fields, "host") == 1, "one host is named");
  expect(count(fields, "content-length") + count(fields, "transfer-encoding")
             <= 1,
         "one field says where the body ends");
  expect(count(fields, "connection") == 1
             && count(fields, "proxy-authorization") == 0
             && count(fields, "te") == 0,
         "what is for one hop stays there");
  http::request_parser<http::empty_body> beast;
  feed(beast, got->bytes);
  expect(beast.get().method_string() == got->method, "both read one method");
  expect(beast.chunked() == got->body.is_chunked(), "both see chunks, or none");
  expect(beast.chunked()
             || (beast.content_length().value_or(0) == 0) == got->body.done(),
         "both see a body, or none");
}

void check_answer(std::string_view bytes, std::uint8_t seed) {
  asked how{(seed & 1) != 0, (seed & 2) != 0, (seed & 4) != 0};
  auto size = find_answer_end(bytes, 0);
  for (std::size_t from = 0; from < size; ++from)
    expect(find_answer_end(bytes, from) == size,
           "an answer's head ends at the same byte, however it arrives");
  if (size == 0)
    return;
  auto got = parse_answer(bytes.substr(0, size), how);
  if (!got)
    return expect(!got.error().empty(), "a refusal says why");
  expect(got->status >= 100 && got->status < 1000 && got->status != 407,
         "an answer has a status");
  auto fields = fields_of(got->bytes);
  expect(count(fields, "content-length") + count(fields, "transfer-encoding")
             <= 1,
         "one field says where the body ends");
  expect(!got->client_keeps || !got->body.is_at_close(),
         "a connection that is kept has bodies that end");
  http::response_parser<http::empty_body> beast;
  beast.skip(how.head);
  feed(beast, got->bytes);
  expect(static_cast<int>(beast.get().result_int()) == got->status,
         "both read one status");
  if (how.head || got->status / 100 == 1 || got->status == 204
      || got->status == 304)
    return expect(got->body.done(), "such an answer has no body");
  expect(beast.chunked() == got->body.is_chunked(), "both see chunks, or none");
  expect(beast.need_eof() == got->body.is_at_close(),
         "both wait for the connection's end, or not");
}

void check_body(std::string_view bytes, std::uint8_t seed) {
  bool from_server = (seed & 1) != 0;
  auto whole = body_end::chunked(from_server);
  auto taken = whole.take(bytes);
  expect(taken <= bytes.size(), "no more is taken than there is");
  expect(whole.done() || whole.broken() || taken == bytes.size(),
         "all is taken until the end");
  auto cut = body_end::chunked(from_server);
  pieces sizes{seed};
  std::size_t sum = 0;
  while (sum < bytes.size() && !cut.done() && !cut.broken())
    sum += cut.take(bytes.substr(sum, sizes.next()));
  expect(sum == taken && cut.done() == whole.done()
             && cut.broken() == whole.broken(),
         "a body ends at the same byte, however it arrives");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2)
    return 0;
  auto bytes = text_of(data + 1, size - 1);
  check_request(bytes, data[0]);
  check_answer(bytes, data[0]);
  check_body(bytes, data[0]);
  return 0;
}
