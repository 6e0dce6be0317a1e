#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace shannon::commands {

/// One event of a server-sent stream. `id` is empty where the frame had none.
struct stream_event {
  std::string id;
  std::string name;
  std::string data;
};

/// Cuts the bytes of a `text/event-stream` into events. Bytes may arrive in
/// any portions; comments and heartbeats are passed over.
class sse_reader {
public:
  /// Bytes of one event; a longer one is a broken server.
  static constexpr std::size_t event_bytes_max = 16 * 1024 * 1024;

  using taker = std::function<void(const stream_event&)>;

  /// Hands every event that is complete now to `taken`. False when an event
  /// grew above the limit: the stream is of no use any more.
  bool take(std::string_view bytes, const taker& taken);

private:
  void line(std::string_view text, const taker& taken);

  std::string rest_;
  stream_event event_;
  bool has_data_ = false;
};

} // namespace shannon::commands
