#include "actors/kit/http_client.hpp"
#include "actors/kit/io_loop.hpp"
#include "tests/kit/http_peer.hpp"

#include <catch2/catch.hpp>

#include <future>

using namespace std::chrono_literals;
using namespace shannon;
using kit::http_limits;
using test::http_peer;

namespace {

struct outcome {
  int status = 0;
  int heads = 0;
  int ends = 0;
  std::string body;
  std::vector<std::string> pieces;
  result<void> how;
};

/// One exchange, waited for; every callback is counted.
struct probe {
  std::shared_ptr<outcome> got = std::make_shared<outcome>();
  std::shared_ptr<std::promise<void>> ended
      = std::make_shared<std::promise<void>>();
  std::shared_ptr<std::promise<void>> first
      = std::make_shared<std::promise<void>>();
  std::shared_ptr<kit::http_call> call;

  probe(kit::http_client& client, kit::http_request request,
        http_limits limits = {}) {
    kit::http_events events;
    events.head = [got = got](const kit::http_head& head) {
      got->status = head.status;
      ++got->heads;
    };
    events.data = [got = got, first = first](std::string_view piece) {
      if (got->pieces.empty())
        first->set_value();
      got->body += piece;
      got->pieces.emplace_back(piece);
    };
    events.end = [got = got, ended = ended](result<void> how) {
      got->how = std::move(how);
      if (++got->ends == 1)
        ended->set_value();
    };
    call = client.start(std::move(request), limits, std::move(events));
  }

  outcome wait() {
    REQUIRE(ended->get_future().wait_for(10s) == std::future_status::ready);
    return *got;
  }
};

kit::http_request plain(std::uint16_t port, std::string target = "/") {
  kit::http_request request;
  request.tls = false;
  request.host = "127.0.0.1";
  request.port = port;
  request.target = std::move(target);
  return request;
}

struct fixture {
  kit::io_loop loop{"test"};
  kit::http_client client{loop.context(), {}};
};

constexpr auto ok_2 = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

} // namespace

TEST_CASE("a request goes out whole and its answer comes back") {
  std::promise<std::string> seen;
  http_peer peer{[&](auto& session) {
    seen.set_value(session.read_request());
    session.write("HTTP/1.1 201 Created\r\nX-Kind: A\r\n"
                  "Content-Length: 5\r\n\r\nhello");
  }};
  fixture f;
  auto request = plain(peer.port(), "/v1/things?x=1");
  request.method = "POST";
  request.headers = {{"Content-Type", "application/json"}};
  request.body = "{}";
  probe p{f.client, request};
  auto got = p.wait();
  CHECK(got.how.has_value());
  CHECK(got.status == 201);
  CHECK(got.body == "hello");
  CHECK(seen.get_future().get()
        == "POST /v1/things?x=1 HTTP/1.1\r\nHost: 127.0.0.1:"
               + std::to_string(peer.port())
               + "\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
                 "Connection: keep-alive\r\n\r\n{}");
}

TEST_CASE("chunks are handed out as they come, before the answer ends") {
  std::promise<void> go_on;
  http_peer peer{[&](auto& session) {
    session.read_request();
    session.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "3\r\none\r\n");
    go_on.get_future().wait();
    session.write("3\r\ntwo\r\n0\r\n\r\n");
  }};
  fixture f;
  probe p{f.client, plain(peer.port())};
  REQUIRE(p.first->get_future().wait_for(10s) == std::future_status::ready);
  go_on.set_value();
  auto got = p.wait();
  CHECK(got.how.has_value());
  CHECK(got.pieces == std::vector<std::string>{"one", "two"});
}

TEST_CASE("a connection is kept and used again") {
  http_peer peer{[](auto& session) {
    while (!session.read_request().empty())
      session.write(ok_2);
  }};
  fixture f;
  for (int i = 0; i < 5; ++i)
    CHECK(probe{f.client, plain(peer.port())}.wait().body == "ok");
  CHECK(peer.connections() == 1);
}

TEST_CASE("a connection that nobody uses again is closed in time") {
  std::promise<bool> closed;
  http_peer peer{[&](auto& session) {
    session.read_request();
    session.write(ok_2);
    closed.set_value(session.wait_for_close(10));
  }};
  kit::io_loop loop{"test"};
  kit::http_client_options options;
  options.idle_timeout = 100ms;
  kit::http_client client{loop.context(), options};
  CHECK(probe{client, plain(peer.port())}.wait().body == "ok");
  CHECK(closed.get_future().get());
}

TEST_CASE("a kept connection closed by the peer is replaced unseen") {
  http_peer peer{[](auto& session) {
    session.read_request();
    session.write(ok_2);
    if (session.number() == 1) {
      session.read_request();
      session.reset(); // The second request dies with its connection.
    }
  }};
  fixture f;
  CHECK(probe{f.client, plain(peer.port())}.wait().body == "ok");
  auto got = probe{f.client, plain(peer.port())}.wait();
  CHECK(got.how.has_value());
  CHECK(got.body == "ok");
  CHECK(got.heads == 1);
  CHECK(peer.connections() == 2);
}

TEST_CASE("a fresh connection closed without an answer is not tried again") {
  http_peer peer{[](auto& session) { session.read_request(); }};
  fixture f;
  auto got = probe{f.client, plain(peer.port())}.wait();
  REQUIRE(!got.how);
  CHECK(got.how.error().code == errc::unavailable);
  CHECK(got.how.error().retryable);
  CHECK(peer.connections() == 1);
}

TEST_CASE("a cut answer ends as unavailable") {
  http_peer peer{[](auto& session) {
    session.read_request();
    session.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  }};
  fixture f;
  auto got = probe{f.client, plain(peer.port())}.wait();
  REQUIRE(!got.how);
  CHECK(got.how.error().code == errc::unavailable);
  CHECK(got.body == "half");
  CHECK(got.ends == 1);
}

TEST_CASE("an answer without a length ends with its connection") {
  http_peer peer{[](auto& session) {
    session.read_request();
    session.write("HTTP/1.1 200 OK\r\n\r\nall there is");
  }};
  fixture f;
  auto got = probe{f.client, plain(peer.port())}.wait();
  CHECK(got.how.has_value());
  CHECK(got.body == "all there is");
}

TEST_CASE("an interim answer is passed over") {
  http_peer peer{[](auto& session) {
    session.read_request();
    session.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    session.write(ok_2);
  }};
  fixture f;
  auto got = probe{f.client, plain(peer.port())}.wait();
  CHECK(got.status == 200);
  CHECK(got.heads == 1);
  CHECK(got.body == "ok");
}

TEST_CASE("what is no HTTP ends as unavailable") {
  http_peer peer{[](auto& session) {
    session.read_request();
    session.write("SSH-2.0-OpenSSH\r\n\r\n");
  }};
  fixture f;
  auto got = probe{f.client, plain(peer.port())}.wait();
  REQUIRE(!got.how);
  CHECK(got.how.error().code == errc::unavailable);
}

TEST_CASE("each time limit is kept and closes the socket") {
  std::promise<bool> closed;
  auto stall_after = [&](std::string bytes) {
    return [&closed, bytes](http_peer::session& session) {
      session.read_request();
      session.write(bytes);
      closed.set_value(session.wait_for_close(10));
    };
  };
  http_limits limits;
  std::string bytes;
  SECTION("first byte") {
    limits.first_byte = 60ms;
  }
  SECTION("between bytes") {
    limits.between_bytes = 60ms;
    bytes = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
  }
  SECTION("total") {
    limits.total = 60ms;
    bytes = "HTTP/1.1 200 OK\r\n";
  }
  http_peer peer{stall_after(bytes)};
  fixture f;
  auto got = probe{f.client, plain(peer.port()), limits}.wait();
  REQUIRE(!got.how);
  CHECK(got.how.error().code == errc::timeout);
  CHECK(got.how.error().retryable);
  CHECK(closed.get_future().get());
}

TEST_CASE("an answer over a byte limit is refused") {
  std::string bytes;
  http_limits limits;
  SECTION("declared body") {
    limits.body_bytes_max = 100;
    bytes = "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n";
  }
  SECTION("chunked body") {
    limits.body_bytes_max = 100;
    bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n80\r\n"
            + std::string(128, 'x');
  }
  SECTION("header") {
    limits.header_bytes_max = 1000;
    bytes = "HTTP/1.1 200 OK\r\nX: " + std::string(60'000, 'x');
  }
  SECTION("chunk extension") {
    limits.header_bytes_max = 1000;
    bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n80;x="
            + std::string(90'000, 'x');
  }
  http_peer peer{[&](auto& session) {
    session.read_request();
    session.write(bytes);
    session.wait_for_close(10);
  }};
  fixture f;
  auto got = probe{f.client, plain(peer.port()), limits}.wait();
  REQUIRE(!got.how);
  CHECK(got.how.error().code == errc::failed);
}

TEST_CASE("cancel from another thread closes the socket at once") {
  std::promise<bool> closed;
  http_peer peer{[&](auto& session) {
    session.read_request();
    session.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    closed.set_value(session.wait_for_close(10));
  }};
  fixture f;
  probe p{f.client, plain(peer.port())};
  REQUIRE(p.first->get_future().wait_for(10s) == std::future_status::ready);
  p.call->cancel();
  p.call->cancel();
  auto got = p.wait();
  REQUIRE(!got.how);
  CHECK(got.how.error().code == errc::cancelled);
  CHECK(closed.get_future().get());
  CHECK(got.ends == 1);
}

TEST_CASE("a client that goes away cancels what is under way") {
  http_peer peer{[](auto& session) {
    session.read_request();
    session.wait_for_close(10);
  }};
  kit::io_loop loop{"test"};
  auto client = std::make_unique<kit::http_client>(loop.context(),
                                                   kit::http_client_options{});
  probe p{*client, plain(peer.port())};
  client.reset();
  auto got = p.wait();
  REQUIRE(!got.how);
  CHECK(got.how.error().code == errc::cancelled);
}

TEST_CASE("only the endpoints of the resolver are tried, in its order") {
  http_peer peer{[](auto& session) {
    session.read_request();
    session.write(ok_2);
  }};
  kit::io_loop loop{"test"};
  kit::http_client_options options;
  result<std::vector<boost::asio::ip::tcp::endpoint>> answer;
  options.resolver = [&](const std::string& host, std::uint16_t, auto then) {
    CHECK(host == "models.invalid");
    std::thread{[then, &answer] { then(answer); }}.join();
  };
  kit::http_client client{loop.context(), options};
  auto request = plain(80);
  request.host = "models.invalid";
  auto loopback = boost::asio::ip::make_address("127.0.0.1");
  SECTION("the second is taken when the first refuses") {
    std::uint16_t refused = 0;
    {
      http_peer gone{[](auto&) {}};
      refused = gone.port();
    }
    answer = {{loopback, refused}, {loopback, peer.port()}};
    CHECK(probe{client, request}.wait().body == "ok");
  }
  SECTION("its refusal is passed on") {
    answer = fail(errc::denied, "not a public address");
    auto got = probe{client, request}.wait();
    REQUIRE(!got.how);
    CHECK(got.how.error().code == errc::denied);
    CHECK(peer.connections() == 0);
  }
  SECTION("no endpoint, no connection") {
    answer = std::vector<boost::asio::ip::tcp::endpoint>{};
    CHECK(!probe{client, request}.wait().how);
  }
}

TEST_CASE("a request that would smuggle a second one is refused") {
  fixture f;
  auto request = plain(1);
  SECTION("in the target") {
    request.target = "/ HTTP/1.1\r\nX: 1";
  }
  SECTION("in a header value") {
    request.headers = {{"X-A", "1\r\nX-B: 2"}};
  }
  SECTION("in a header name") {
    request.headers = {{"X A", "1"}};
  }
  SECTION("in the host") {
    request.host = "a\r\nb";
  }
  SECTION("in the method") {
    request.method = "GET /";
  }
  auto got = probe{f.client, request}.wait();
  REQUIRE(!got.how);
  CHECK(got.how.error().code == errc::invalid_argument);
}
