// A WebSocket's handshake and frames. What holds: how the bytes are cut into
// pieces changes nothing of the messages that are heard, and each of them is
// within its bound and UTF-8.

#include "actors/gateway/text/json_text.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/wire.hpp"

#include <algorithm>
#include <vector>

using namespace shannon;
using namespace shannon::fuzz;

namespace {

constexpr std::size_t message_bytes_max = 512;

constexpr std::string_view request_line = "GET /ws HTTP/1.1\r\nHost: a\r\n";
constexpr std::string_view usual_fields
    = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

template <class Sizes>
std::vector<std::string> messages_of(std::string_view bytes, Sizes next) {
  std::vector<std::string> all;
  std::shared_ptr<gateway::response_stream> stream;
  {
    wire one{[&](const gateway::exchange_ptr& client) {
      gateway::websocket_events events;
      events.message = [&](std::string text) {
        expect(text.size() <= message_bytes_max, "a message has its bound");
        expect(gateway::find_invalid_utf8(text) == std::string::npos,
               "a message is UTF-8");
        stream->write(text);
        all.push_back(std::move(text));
      };
      stream = client->upgrade(message_bytes_max, std::move(events));
    }};
    one.send(request_line);
    while (!bytes.empty()) {
      auto size = std::min<std::size_t>(next(), bytes.size());
      if (!one.send(bytes.substr(0, size)))
        break;
      bytes.remove_prefix(size);
    }
  }
  return all;
}

} // namespace

/// The first byte says how the rest is cut, and whether it begins with the
/// fields of the handshake or with frames.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2)
    return 0;
  std::string bytes{data[0] % 2 == 0 ? usual_fields : std::string_view{}};
  bytes += text_of(data + 1, size - 1);
  // The head comes in one piece: what is sent before the answer to it is no
  // frame, and how much of it is read then is chance.
  auto head = bytes.find("\r\n\r\n");
  if (head == std::string::npos)
    return 0;
  head += 4;
  auto cutting = [head](auto sizes) {
    return [head, sizes, begun = false]() mutable {
      return std::exchange(begun, true) ? sizes() : head;
    };
  };
  auto whole = messages_of(bytes, cutting([] { return std::size_t{1} << 20; }));
  auto cut = messages_of(bytes, cutting([some = pieces{data[0]}]() mutable {
                           return some.next();
                         }));
  expect(whole == cut,
         "the same messages are heard, however their bytes arrive");
  return 0;
}
