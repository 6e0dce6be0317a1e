// Chunked bodies. What holds: a body that is taken is the one that a second,
// simple reader finds, it ends at the same byte, it is within its bound, and
// how its bytes arrive changes nothing.

#include "actors/gateway/http/body_reader.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

using namespace shannon;
using namespace shannon::fuzz;
using gateway::body_reader;

namespace {

constexpr std::uint64_t bytes_max = 2'000;
const std::string head = "POST / HTTP/1.1\r\nHost: a\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n";

struct outcome {
  bool done = false;
  bool refused = false;
  std::string body;
  std::size_t consumed = 0;
};

template <class Sizes>
outcome read(std::string_view bytes, Sizes next) {
  auto parsed = gateway::parse_head(head, {});
  expect(parsed.has_value(), "the head is right");
  body_reader reader{*parsed, bytes_max};
  expect(!reader.begin(head), "the head is right for Beast, too");
  outcome out;
  std::string waiting;
  while (!bytes.empty() && !out.done && !out.refused) {
    auto size = std::min<std::size_t>(next(), bytes.size());
    waiting += bytes.substr(0, size);
    bytes.remove_prefix(size);
    auto made = reader.feed(waiting);
    expect(made.consumed <= waiting.size(), "no more is taken than there is");
    waiting.erase(0, made.consumed);
    out.consumed += made.consumed;
    out.done = made.done;
    out.refused = made.refused.has_value();
    expect(reader.size() <= bytes_max, "a body has its bound");
  }
  out.body = reader.take();
  return out;
}

/// RFC 9112, 7.1, as simply as it can be said.
std::optional<outcome> read_simply(std::string_view bytes) {
  outcome out;
  auto all = bytes.size();
  for (;;) {
    auto end = bytes.find("\r\n");
    if (end == std::string_view::npos)
      return std::nullopt;
    auto line = bytes.substr(0, end);
    bytes.remove_prefix(end + 2);
    std::uint64_t size = 0;
    std::size_t digits = 0;
    for (; digits < line.size()
           && std::isxdigit(static_cast<unsigned char>(line[digits]));
         ++digits)
      size = size * 16
             + static_cast<std::uint64_t>(
                 std::stoi(std::string{line[digits]}, nullptr, 16));
    if (digits == 0)
      return std::nullopt;
    if (size == 0)
      break;
    if (bytes.size() < size + 2 || bytes.substr(size, 2) != "\r\n")
      return std::nullopt;
    out.body += bytes.substr(0, size);
    bytes.remove_prefix(size + 2);
  }
  for (;;) { // Trailer fields.
    auto end = bytes.find("\r\n");
    if (end == std::string_view::npos)
      return std::nullopt;
    bytes.remove_prefix(end + 2);
    if (end == 0)
      break;
  }
  out.done = true;
  out.consumed = all - bytes.size();
  return out;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2)
    return 0;
  auto bytes = text_of(data + 1, size - 1);
  auto whole = read(bytes, [] { return std::size_t{1} << 20; });
  auto cut = read(bytes,
                  [sizes = pieces{data[0]}]() mutable { return sizes.next(); });
  expect(whole.done == cut.done && whole.refused == cut.refused,
         "a body is taken or not, however its bytes arrive");
  if (!whole.done)
    return 0;
  expect(whole.body == cut.body, "a body is the same, however it arrives");
  auto simple = read_simply(bytes);
  expect(simple.has_value(), "what is taken is a chunked body");
  expect(simple->body == whole.body, "another reader finds the same body");
  expect(simple->consumed == whole.consumed,
         "another reader finds the same end");
  return 0;
}
