#include "actors/browser/egress/answer_head.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace shannon::browser;

namespace {

tl::expected<answer_head, std::string> read(const std::string& head,
                                            asked how = {}) {
  REQUIRE(find_answer_end(head, 0) == head.size());
  return parse_answer(head, how);
}

std::string ok(const std::string& fields) {
  return "HTTP/1.1 200 OK\r\n" + fields + "\r\n";
}

} // namespace

TEST_CASE("an answer is passed on without what concerns one hop") {
  auto got = read(ok("Content-Length: 5\r\nSet-Cookie: a=b\r\n"
                     "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\n"
                     "Keep-Alive: timeout=5\r\nSet-Cookie: c=d\r\n"
                     "Upgrade: h2c\r\nProxy-Authenticate: Basic\r\n"));
  REQUIRE(got);
  CHECK(got->status == 200);
  CHECK(got->server_keeps);
  CHECK(got->client_keeps);
  CHECK(got->bytes
        == "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n"
           "Content-Length: 5\r\n\r\n");
}

TEST_CASE("an answer's body ends as the browser will read it") {
  auto chunked = read(ok("Transfer-Encoding: chunked\r\n"));
  CHECK(chunked->body.is_chunked());
  CHECK(chunked->server_keeps);
  // Both: the length is not passed on, nor is the connection used again.
  auto both = read(ok("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"));
  CHECK(both->body.is_chunked());
  CHECK_FALSE(both->server_keeps);
  CHECK(both->client_keeps);
  CHECK(both->bytes.find("Content-Length") == std::string::npos);
  auto twice = read(ok("Content-Length: 5\r\nContent-Length: 5\r\n"));
  CHECK(twice->bytes == ok("Content-Length: 5\r\n"));
  auto endless = read(ok(""));
  CHECK(endless->body.is_at_close());
  CHECK_FALSE(endless->server_keeps);
  CHECK_FALSE(endless->client_keeps);
  CHECK(endless->bytes == ok("Connection: close\r\n"));
  CHECK(read(ok("Content-Length: 5\r\n"), {true})->body.done());
  CHECK(read(ok("Content-Length: 5\r\n"), {true})->bytes
        == ok("Content-Length: 5\r\n"));
  for (const char* status : {"204 No Content", "304 Not Modified", "100 C"})
    CHECK(read("HTTP/1.1 " + std::string{status} + "\r\n\r\n")->body.done());
  for (const std::string fields :
       {"Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n", "Content-Length: -1\r\n",
        "Content-Length: x\r\n", "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"}) {
    INFO(fields);
    CHECK_FALSE(read(ok(fields)));
  }
}

TEST_CASE("who keeps a connection is what both sides said") {
  CHECK_FALSE(
      read(ok("Content-Length: 1\r\nConnection: close\r\n"))->server_keeps);
  CHECK(read(ok("Content-Length: 1\r\nConnection: close\r\n"))->client_keeps);
  CHECK_FALSE(read(ok("Content-Length: 1\r\n"), {false, false})->client_keeps);
  auto old = [](const std::string& fields) {
    return read("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n" + fields + "\r\n");
  };
  CHECK_FALSE(old("")->server_keeps);
  CHECK(old("Connection: Keep-Alive\r\n")->server_keeps);
  CHECK(old("")->bytes == ok("Content-Length: 1\r\n"));
  CHECK_FALSE(read("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
}

TEST_CASE("old servers are understood, and answered for in clear words") {
  CHECK(read("HTTP/1.1 200 OK\nContent-Length: 1\nA: b\n\n")->bytes
        == ok("A: b\r\nContent-Length: 1\r\n"));
  CHECK(read(ok("A: b\r\n c\r\n\td\r\nContent-Length: 1\r\n"))->bytes
        == ok("A: b c d\r\nContent-Length: 1\r\n"));
  // What is no field does not reach the browser.
  CHECK(read(ok("no field\r\nA : b\r\n\xc3\xa9: b\r\nC: \x01\r\n d\r\n"
                "E: f\xc3\xa9\r\nContent-Length: 1\r\n"))
            ->bytes
        == ok("E: f\xc3\xa9\r\nContent-Length: 1\r\n"));
  CHECK(read("HTTP/1.1 404\r\nContent-Length: 1\r\n\r\n")->bytes
        == "HTTP/1.1 404 \r\nContent-Length: 1\r\n\r\n");
  CHECK(read("HTTP/1.1 200 a\x01\r\nContent-Length: 1\r\n\r\n")->bytes
        == "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\n");
  CHECK(read("HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n")
            ->body.is_at_close());
}

TEST_CASE("an answer that is none is not passed on") {
  for (const std::string head :
       {"HTTP/2 200\r\n\r\n", "ICY 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 000 OK\r\n\r\n", "hello\r\n\r\n", "SSH-2.0-x\r\n\r\n",
        "220 mail ESMTP\r\n\r\n", "HTTP/1.1\r\n\r\n"}) {
    INFO(head);
    CHECK_FALSE(read(head));
  }
  // A server cannot speak in the proxy's name.
  CHECK_FALSE(read("HTTP/1.1 407 x\r\nProxy-Authenticate: Basic\r\n\r\n"));
  CHECK_FALSE(read("HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n"));
  auto agreed = read("HTTP/1.1 101 x\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Accept: y\r\n\r\n",
                     {false, true, true});
  CHECK(agreed->bytes
        == "HTTP/1.1 101 x\r\nSec-WebSocket-Accept: y\r\n"
           "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  CHECK_FALSE(agreed->is_interim());
  CHECK(read("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")->is_interim());
}
