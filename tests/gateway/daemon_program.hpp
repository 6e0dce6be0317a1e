#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace shannon::test {

/// A program on a user's machine that waits for messages, over a real
/// WebSocket.
class daemon_program {
  using tcp = boost::asio::ip::tcp;
  using json = nlohmann::json;

public:
  daemon_program(std::uint16_t port, const std::string& user) {
    namespace ws = boost::beast::websocket;
    stream_.next_layer().connect(
        {boost::asio::ip::address_v4::loopback(), port});
    stream_.set_option(ws::stream_base::decorator(
        [user](ws::request_type& request) { request.set("X-User-Id", user); }));
    stream_.handshake("127.0.0.1", "/v1/ws/messages");
  }

  json next() {
    boost::beast::flat_buffer in;
    stream_.read(in);
    return json::parse(boost::beast::buffers_to_string(in.data()));
  }

  void say(const json& what) {
    stream_.write(boost::asio::buffer(what.dump()));
  }
  void say_raw(const std::string& text) {
    stream_.write(boost::asio::buffer(text));
  }

  /// The connection ends without another text.
  bool is_closed() {
    boost::beast::flat_buffer in;
    boost::system::error_code failed;
    stream_.read(in, failed);
    return failed.failed();
  }

  /// Why, once it is.
  boost::beast::websocket::close_code reason() const {
    return static_cast<boost::beast::websocket::close_code>(
        stream_.reason().code);
  }

  void leave() {
    stream_.close(boost::beast::websocket::close_code::normal);
  }

private:
  boost::asio::io_context io_;
  boost::beast::websocket::stream<tcp::socket> stream_{io_};
};

} // namespace shannon::test
