#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/kit/io_loop.hpp"
#include "config/settings.hpp"
#include "metrics/gateway_metrics.hpp"
#include "protocols/errc.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace shannon::gateway {

/// The rest of a response that is sent piece by piece. Any thread.
class response_stream {
public:
  virtual ~response_stream() = default;

  enum class outcome : std::uint8_t {
    taken,
    closed,
    /// Its reader left more unsent than its stream_room allows: it is closed
    /// now, and the bytes are lost.
    too_slow,
  };

  virtual outcome write(std::string bytes) = 0;

  /// Bytes the client's socket has not taken yet.
  virtual std::size_t unsent() const noexcept = 0;

  /// What it may keep for its reader is half full.
  virtual bool is_behind() const noexcept = 0;

  /// Ends the response once everything is sent.
  virtual void close() = 0;
};

/// Called on the server's loop.
struct stream_events {
  /// Everything written so far is sent.
  std::function<void()> drained;
  /// The client left, was too slow, or the server stops. Called once, unless
  /// `close` ended the stream in order.
  std::function<void()> closed;
};

/// Called on the server's loop.
struct websocket_events {
  /// A text message of the client's.
  std::function<void(std::string text)> message;
  std::function<void()> drained;
  std::function<void()> closed;
};

/// One request that waits for its response. Any thread may give it, once. An
/// exchange that is dropped without a response answers 503.
class exchange {
public:
  virtual ~exchange() = default;
  virtual const http_request& request() const noexcept = 0;
  /// Where its socket lives: on this loop's thread an answer goes out at once.
  virtual boost::asio::io_context& loop() const noexcept = 0;
  virtual void respond(http_response response) = 0;
  /// Calls `gone`, on the server's loop, if the client goes away before the
  /// response. Who does not ask for it learns nothing: most are quick.
  virtual void watch(std::function<void()> gone) = 0;
  /// Sends the head now and leaves the body open.
  virtual std::shared_ptr<response_stream> stream(http_response head,
                                                  stream_events events)
      = 0;
  /// Makes the connection a WebSocket; each `write` then is one text message.
  /// A request that is no handshake is refused as RFC 6455 says, and the
  /// stream is closed. The client's messages may have `message_bytes_max`.
  virtual std::shared_ptr<response_stream>
  upgrade(std::size_t message_bytes_max, websocket_events events) = 0;
};

using exchange_ptr = std::shared_ptr<exchange>;

/// What the head of a request tells about the rest of it.
struct request_plan {
  /// Known before the first byte of the body is read.
  std::uint64_t body_bytes_max = 0;
  /// It counts against `requests_waiting_max`, and is refused above that.
  bool is_bounded = false;
  /// It begins what goes on after its answer: refused while there is no room.
  bool begins_work = false;
};

/// What stands behind the server. Called on the server's loop: must be quick.
struct http_service {
  std::function<request_plan(const http_request& head)> plan;
  std::function<void(exchange_ptr)> handle;
  metrics::gateway_metrics* metrics = nullptr;
  std::function<bool()> has_room = [] { return true; };
};

/// A strict HTTP/1.1 server: every connection has a limit and a deadline for
/// everything. Survives the GATEWAY actor that serves through it: while nobody
/// serves, requests get 503.
class http_server {
public:
  /// Binds both addresses of the settings and accepts at once. Refuses with
  /// one clear line: an address in use, a malformed one, or, unless `insecure`,
  /// one that other hosts can reach, since it does not speak TLS.
  static result<std::shared_ptr<http_server>>
  listen(kit::io_loop& loop, const config::http_settings& settings,
         bool insecure = false);

  virtual ~http_server() = default;

  /// `127.0.0.1:8080`, with the port that is really bound.
  virtual std::string local_address() const = 0;
  virtual std::string admin_address() const = 0;
  virtual std::uint16_t port() const noexcept = 0;
  virtual std::uint16_t admin_port() const noexcept = 0;

  /// From now on `service` answers. Returns a number for `retire`.
  virtual std::uint64_t serve(http_service service) = 0;
  /// Ends the service of this number, unless another came since.
  virtual void retire(std::uint64_t service) = 0;
  /// Requests are handled, not refused for want of a service; any thread.
  virtual bool is_served() const noexcept = 0;

  /// Each connection ends with the answer to its next request.
  virtual void close_after_each() = 0;
  /// No new connections; idle ones close; requests under way are answered.
  virtual void stop_accepting() = 0;
  /// Connections whose client has no answer yet. Waits for the loop.
  virtual std::size_t under_way() = 0;
  /// Closes everything. Returns when it is done.
  virtual void stop() = 0;
};

} // namespace shannon::gateway
