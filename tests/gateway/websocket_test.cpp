// Runs followed over a WebSocket, by Beast's own client.

#include "actors/gateway/text/json_text.hpp"
#include "tests/gateway/gateway_fixture.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <catch2/catch.hpp>

#include <chrono>
#include <string>

using namespace shannon;
using namespace shannon::test;
using gateway::json_in;
namespace asio = boost::asio;
namespace beast = boost::beast;
using tcp = asio::ip::tcp;

namespace {

class ws_client {
public:
  explicit ws_client(std::uint16_t port) : port_(port) {
    stream_.next_layer().connect({asio::ip::address_v4::loopback(), port});
  }

  void open(const std::string& task, const std::string& more = {}) {
    stream_.handshake("127.0.0.1:" + std::to_string(port_),
                      "/api/v1/stream/ws?workflow_id=" + task + more);
  }

  json_in next() {
    beast::flat_buffer in;
    stream_.read(in);
    return json_in::parse(beast::buffers_to_string(in.data()));
  }

  /// The next that comes must be the server's goodbye.
  beast::websocket::close_code goodbye() {
    beast::error_code failed;
    beast::flat_buffer in;
    stream_.read(in, failed);
    CHECK(failed == beast::websocket::error::closed);
    return static_cast<beast::websocket::close_code>(stream_.reason().code);
  }

  beast::websocket::stream<tcp::socket>& raw() {
    return stream_;
  }

private:
  std::uint16_t port_;
  asio::io_context io_;
  beast::websocket::stream<tcp::socket> stream_{io_};
};

/// A run whose first event its client has read.
struct followed_run {
  gateway_fixture fixture;
  ws_client client{fixture.server->port()};

  followed_run() {
    fixture.fakes.publish("t", fact_of("WORKFLOW_STARTED", "Starting up"));
    client.open("t");
    CHECK(client.next()["seq"] == 1);
  }
};

} // namespace

TEST_CASE("a WebSocket gives events under their own names, and goes on after "
          "the last") {
  gateway_fixture fixture;
  fixture.fakes.publish("t", fact_of("WORKFLOW_STARTED", "Starting up"));
  ws_client client{fixture.server->port()};
  client.open("t");
  auto first = client.next();
  CHECK(first["type"] == "WORKFLOW_STARTED");
  CHECK(first["workflow_id"] == "t");
  CHECK(first["seq"] == 1);
  fixture.fakes.publish("t", fact_of("LLM_OUTPUT", "42", "final_output"));
  auto output = client.next();
  CHECK(output["type"] == "LLM_OUTPUT"); // Not thread.message.completed.
  CHECK(output["message"] == "42");
  fixture.fakes.publish("t", fact_of("STREAM_END", "Done"));
  CHECK(client.next()["type"] == "STREAM_END");
  client.raw().close(beast::websocket::close_code::normal);
}

TEST_CASE("a WebSocket resumes after an event and shows chosen types alone") {
  gateway_fixture fixture;
  for (const char* type : {"WORKFLOW_STARTED", "PROGRESS", "AGENT_STARTED"})
    fixture.fakes.publish("t", fact_of(type, ""));
  ws_client client{fixture.server->port()};
  client.open("t", "&last_event_id=1&types=AGENT_STARTED");
  auto only = client.next();
  CHECK(only["type"] == "AGENT_STARTED");
  CHECK(only["seq"] == 3);
}

TEST_CASE("what a client says to a stream's WebSocket is read and dropped, too "
          "much of it ends it") {
  followed_run it;
  it.client.raw().write(asio::buffer(std::string{"hello"}));
  it.fixture.fakes.publish("t", fact_of("PROGRESS", ""));
  CHECK(it.client.next()["seq"] == 2);
  it.client.raw().write(asio::buffer(std::string(600, 'x')));
  CHECK(it.client.goodbye() == beast::websocket::close_code::too_big);
}

TEST_CASE("a WebSocket's message is UTF-8 to its end, also when its last frame "
          "is empty") {
  followed_run it;
  auto& stream = it.client.raw();
  SECTION("a character over two frames is whole") {
    stream.write_some(false, asio::buffer(std::string{"\xc3"}));
    stream.write_some(true, asio::buffer(std::string{"\xa9"}));
    it.fixture.fakes.publish("t", fact_of("PROGRESS", ""));
    CHECK(it.client.next()["seq"] == 2);
  }
  SECTION("a character that never ends is refused") {
    stream.write_some(false, asio::buffer(std::string{"\xc3"}));
    stream.write_some(true, asio::buffer(std::string{}));
    CHECK(it.client.goodbye() == beast::websocket::close_code::bad_payload);
  }
}

TEST_CASE("a request that is no handshake gets no WebSocket") {
  gateway_fixture fixture;
  fixture.fakes.publish("t", fact_of("WORKFLOW_STARTED", ""));
  auto refused = fixture.ask(get("/api/v1/stream/ws?workflow_id=t"));
  CHECK(refused.status == 400);
  CHECK(fixture.ask(get("/api/v1/stream/ws")).status == 400);
  // The connection is counted out: the server can be asked again.
  CHECK(fixture.ask(get("/health")).status == 200);
}

TEST_CASE("a node that drains closes its WebSockets as one that is started "
          "again, after what was said") {
  followed_run it;
  it.fixture.drain_gateway();
  CHECK(it.client.goodbye() == beast::websocket::close_code::service_restart);
  auto late = it.fixture.ask(get("/api/v1/stream/ws?workflow_id=t"));
  CHECK(late.status == 503);
  CHECK(late.fields["retry-after"] == "1");
}

TEST_CASE("WebSockets end with the server, and with GATEWAY") {
  followed_run it;
  it.fixture.end_gateway();
  beast::error_code failed;
  beast::flat_buffer in;
  it.client.raw().read(in, failed);
  CHECK(failed);
}
