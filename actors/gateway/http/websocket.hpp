#pragma once

#include "actors/gateway/http/http_connection.hpp"

#include <cstddef>
#include <memory>

namespace shannon::gateway {

/// A connection that has become a WebSocket (RFC 6455), by Beast. Pings when
/// the client is silent for 20 s, and gives up after twice that. A client that
/// takes nothing is dropped at the bound of its buffer, as one of an event
/// stream is. Once each answer is the last of its connection it closes with
/// 1012, service restart.
class websocket : public response_stream {
public:
  /// Answers the handshake. `owner` counts the connection until it is closed.
  virtual void accept(const http_request& request) = 0;
  /// At once; on the loop.
  virtual void abort() = 0;
};

std::shared_ptr<websocket>
make_websocket(std::shared_ptr<http_connection> owner,
               std::shared_ptr<server_core> core, std::size_t message_bytes_max,
               websocket_events events);

} // namespace shannon::gateway
