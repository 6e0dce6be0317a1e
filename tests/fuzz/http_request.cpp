// Requests as bytes. What holds: how the bytes are cut into pieces changes
// nothing of what is served, what is served was understood by Beast in the same
// way, and after a refusal nothing is served any more.

#include "actors/gateway/http/strict_request.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/wire.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>
#include <vector>

using namespace shannon;
using namespace shannon::fuzz;
using gateway::http_request;
namespace http = boost::beast::http;

namespace {

std::string text_of(const http_request& one) {
  auto text = one.method + ' ' + one.path + '?' + one.query + '\n';
  for (const auto& [name, value] : one.fields)
    text += name + ": " + value + '\n';
  return text + '\n' + one.body;
}

struct heard {
  std::vector<std::string> requests; ///< That reached a handler.
  std::vector<int> statuses;         ///< That the client got.
  bool refused = false;
};

/// Of the status lines; a body that names a version has no status behind it.
std::vector<int> statuses_in(std::string_view sent) {
  std::vector<int> all;
  constexpr std::string_view mark = "HTTP/1.";
  for (auto at = sent.find(mark); at != std::string_view::npos;
       at = sent.find(mark, at + 1))
    if (auto status = std::atoi(sent.data() + at + mark.size() + 2);
        status >= 200)
      all.push_back(status);
  return all;
}

template <class Sizes>
heard serve(std::string_view bytes, Sizes next) {
  heard out;
  wire one{[&](const gateway::exchange_ptr& client) {
    out.requests.push_back(text_of(client->request()));
    client->respond({200, {}, "served"});
  }};
  while (!bytes.empty()) {
    auto size = std::min<std::size_t>(next(), bytes.size());
    if (!one.send(bytes.substr(0, size)))
      break;
    bytes.remove_prefix(size);
  }
  out.statuses = statuses_in(one.received());
  out.refused = std::any_of(out.statuses.begin(), out.statuses.end(),
                            [](int status) { return status != 200; });
  expect(!out.refused || out.statuses.back() != 200,
         "nothing is served after a refusal");
  expect(out.statuses.size() == out.requests.size() + out.refused,
         "each request has one answer");
  return out;
}

std::string lower(std::string_view text) {
  std::string out{text};
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// What we believe of a head and Beast believes too is the same.
void compare_with_beast(std::string_view bytes) {
  gateway::strict_limits limits;
  auto scan = gateway::scan_head(bytes, 0, limits);
  if (scan.refused || scan.size == 0)
    return;
  bytes = bytes.substr(0, scan.size);
  auto ours = gateway::parse_head(bytes, limits);
  if (!ours)
    return;
  expect(!ours->method.empty() && !ours->path.empty(), "a head has its parts");
  expect(!(ours->chunked && ours->content_length), "a body has one way to end");
  http::request_parser<http::empty_body> beast;
  beast.header_limit(64 * 1024);
  beast.body_limit(boost::none);
  boost::beast::error_code failed;
  beast.put(boost::asio::buffer(bytes.data(), bytes.size()), failed);
  if (!beast.is_header_done())
    return;
  const auto& theirs = beast.get();
  expect(ours->method == theirs.method_string(), "both read one method");
  expect((ours->http_1_1 ? 11u : 10u) == theirs.version(),
         "both read one version");
  expect(ours->chunked == beast.chunked(), "both see chunks, or none");
  auto length = beast.content_length();
  expect(ours->chunked
             || ours->content_length.value_or(0) == length.value_or(0),
         "both read one length");
  // Beast also listens to Proxy-Connection, which means nothing here.
  auto proxied = theirs.count("Proxy-Connection") > 0;
  expect(!ours->keep_alive || proxied || beast.keep_alive(),
         "no connection is kept that Beast would end");
  // Beast keeps fields of one name side by side.
  gateway::http_fields found;
  for (const auto& field : theirs)
    found.emplace_back(lower(field.name_string()), field.value());
  auto by_name = [](const auto& a, const auto& b) { return a.first < b.first; };
  std::stable_sort(found.begin(), found.end(), by_name);
  std::stable_sort(ours->fields.begin(), ours->fields.end(), by_name);
  expect(found == ours->fields, "both read the same fields");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2)
    return 0;
  auto bytes = fuzz::text_of(data + 1, size - 1);
  compare_with_beast(bytes);
  auto whole = serve(bytes, [] { return std::size_t{1} << 20; });
  auto cut = serve(
      bytes, [sizes = pieces{data[0]}]() mutable { return sizes.next(); });
  expect(whole.requests == cut.requests,
         "the same requests are served, however their bytes arrive");
  expect(whole.refused == cut.refused,
         "the same bytes are refused, however they arrive");
  return 0;
}
