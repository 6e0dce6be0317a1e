#include "actors/browser/egress/request_head.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace shannon::browser;

namespace {

constexpr std::size_t head_max = 64 * 1024;

tl::expected<request_head, head_refusal> read(const std::string& head) {
  auto scan = scan_request(head, 0, head_max);
  if (scan.refused)
    return tl::unexpected<head_refusal>(*scan.refused);
  REQUIRE(scan.size == head.size());
  return parse_request(head);
}

std::string get(const std::string& url, const std::string& fields = {}) {
  return "GET " + url + " HTTP/1.1\r\nHost: x.example\r\n" + fields + "\r\n";
}

} // namespace

TEST_CASE("a request for a URL becomes a request for its path") {
  auto got = read("GET http://Example.com:8080/a?b=%0A{|} HTTP/1.1\r\n"
                  "Host: other.example\r\nAccept: */*\r\n"
                  "Cookie: a=b; c\r\nAccept: text/html\r\n\r\n");
  REQUIRE(got);
  CHECK(got->where.host == "example.com");
  CHECK(got->where.port == 8080);
  CHECK_FALSE(got->tunnel);
  CHECK(got->keep_alive);
  CHECK(got->body.done());
  CHECK(got->bytes
        == "GET /a?b=%0A{|} HTTP/1.1\r\nHost: example.com:8080\r\n"
           "Accept: */*\r\nCookie: a=b; c\r\nAccept: text/html\r\n"
           "Connection: keep-alive\r\n\r\n");
  CHECK(read(get("http://x.example"))
            ->bytes.find("GET / HTTP/1.1\r\n"
                         "Host: x.example\r\n")
        == 0);
  CHECK(read(get("HTTP://x.example?q"))->bytes.find("GET /?q HTTP/1.1\r\n")
        == 0);
}

TEST_CASE("what is meant for the proxy alone stays with it") {
  auto got = read(get("http://x.example/",
                      "Proxy-Connection: keep-alive\r\n"
                      "Proxy-Authorization: Basic eDp5\r\n"
                      "Connection: close, X-Hop , Keep-Alive\r\n"
                      "X-HOP: 1\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\n"
                      "Trailer: X\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n"
                      "X-Stays: 1\r\n"));
  REQUIRE(got);
  CHECK_FALSE(got->keep_alive);
  CHECK_FALSE(got->upgrade);
  CHECK(got->bytes
        == "GET / HTTP/1.1\r\nHost: x.example\r\nX-Stays: 1\r\n"
           "Connection: keep-alive\r\n\r\n");
}

TEST_CASE("a WebSocket is the one thing a connection may turn into") {
  auto got = read(get("http://x.example/", "Connection: Upgrade\r\n"
                                           "Upgrade: WebSocket\r\n"
                                           "Sec-WebSocket-Key: k\r\n"));
  REQUIRE(got);
  CHECK(got->upgrade);
  CHECK(got->bytes.find("Sec-WebSocket-Key: k\r\n"
                        "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        != std::string::npos);
  CHECK_FALSE(
      read(get("http://x.example/", "Upgrade: websocket\r\n"))->upgrade);
}

TEST_CASE("a request says in one way where its body ends") {
  auto post = [](const std::string& fields) {
    return read("POST http://x.example/ HTTP/1.1\r\nHost: x.example\r\n"
                + fields + "\r\n");
  };
  CHECK(post("Content-Length: 3\r\n")->bytes.find("Content-Length: 3\r\n")
        != std::string::npos);
  CHECK_FALSE(post("Content-Length: 3\r\n")->body.done());
  CHECK(post("Content-Length: 0\r\n")->body.done());
  CHECK(post("Content-Length: 0\r\n")->bytes.find("Content-Length: 0\r\n")
        != std::string::npos);
  CHECK(post("Transfer-Encoding: Chunked\r\n")->body.is_chunked());
  for (const std::string fields :
       {"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "Content-Length: 3\r\nContent-Length: 3\r\n",
        "Content-Length: 3\r\nContent-Length: 4\r\n",
        "Content-Length: 3, 3\r\n",
        "Content-Length: +3\r\n",
        "Content-Length: 0x3\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 3 4\r\n",
        "Content-Length:\r\n",
        "Content-Length: 9999999999999999999\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: identity, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: \x0b"
        "chunked\r\n",
        "Content-Length : 3\r\n",
        "Transfer-Encoding : chunked\r\n",
        " Content-Length: 3\r\n",
        "X: y\r\n Content-Length: 3\r\n",
        "Content-Length: 3\rX: y\r\n",
        "X: y\nContent-Length: 3\r\n",
        ": 3\r\n",
        "Content Length: 3\r\n"}) {
    INFO(fields);
    auto got = post(fields);
    REQUIRE_FALSE(got);
    CHECK(got.error().status == 400);
  }
}

TEST_CASE("a tunnel is asked for with a host and a port and nothing else") {
  auto got = read("CONNECT x.example:443 HTTP/1.1\r\nHost: y.example\r\n\r\n");
  REQUIRE(got);
  CHECK(got->tunnel);
  CHECK(got->where.host == "x.example");
  CHECK(got->where.port == 443);
  auto six = read("CONNECT [2606:4700::1]:8443 HTTP/1.1\r\nHost: y\r\n\r\n");
  CHECK(six->where.host == "2606:4700::1");
  CHECK(six->where.port == 8443);
  for (const std::string target : {"x.example",
                                   "x.example:",
                                   "x.example:0",
                                   "x.example:65536",
                                   "x.example:+443",
                                   "x.example:0443",
                                   ":443",
                                   "/x:443",
                                   "http://x.example:443",
                                   "x.example:443/",
                                   "x.example:443?x",
                                   "x.example:443#x",
                                   "u@x.example:443",
                                   "u:p@x.example:443",
                                   "[2606:4700::1]",
                                   "2606:4700::1:443",
                                   "x.example:443:443",
                                   "x.example%00:443",
                                   "x example:443",
                                   "x\\example:443",
                                   "*"}) {
    INFO(target);
    CHECK_FALSE(
        read("CONNECT " + target + " HTTP/1.1\r\nHost: y.example\r\n\r\n"));
  }
  for (const char* fields :
       {"Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n"})
    CHECK_FALSE(read(std::string{"CONNECT x.example:443 HTTP/1.1\r\n"
                                 "Host: x\r\n"}
                     + fields + "\r\n"));
}

TEST_CASE("a proxy is no server, and speaks of nothing but the web") {
  for (const auto& [head, status] : std::vector<std::pair<std::string, int>>{
           {get("/"), 403},
           {get("*"), 403},
           {get("https://x.example/"), 403},
           {get("ftp://x.example/"), 403},
           {get("file:///etc/passwd"), 403},
           {get("ws://x.example/"), 403},
           {get("//x.example/"), 403},
           {get("x.example"), 403},
           {get("http:/x.example"), 403},
           {get("http://"), 400},
           {get("http:///x"), 400},
           {get("http://u@x.example/"), 400},
           {get("http://x.example\\@y.example/"), 400},
           {get("http://x.example/#f"), 400},
           {get("http://x.example/\xc3\xa9"), 400},
           {"TRACE http://x.example/ HTTP/1.1\r\nHost: x\r\n\r\n", 405},
           {"trace http://x.example/ HTTP/1.1\r\nHost: x\r\n\r\n", 405},
           {"TRACK http://x.example/ HTTP/1.1\r\nHost: x\r\n\r\n", 405},
           {"connect x.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
           {"GET http://x.example/ HTTP/1.0\r\nHost: x\r\n\r\n", 505},
           {"GET http://x.example/ HTTP/2.0\r\nHost: x\r\n\r\n", 505},
           {"PRI * HTTP/2.0\r\n\r\n", 505},
           {"GET http://x.example/\r\nHost: x\r\n\r\n", 400},
           {"GET  http://x.example/ HTTP/1.1\r\nHost: x\r\n\r\n", 403},
           {"GET http://x.example/ a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
           {"G(T http://x.example/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
           {"GET http://x.example/ HTTP/1.1\r\n\r\n", 400},
           {"GET http://x.example/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            400},
           {"\x16\x03\x01\r\n\r\n", 400}}) {
    INFO(head);
    auto got = read(head);
    REQUIRE_FALSE(got);
    CHECK(got.error().status == status);
  }
}

TEST_CASE("a head is refused as soon as nothing can mend it") {
  for (const std::string& bytes : std::vector<std::string>{
           "GET /\n", "\r\n", std::string{"GET \0", 5}, "GET x\rY"}) {
    auto scan = scan_request(bytes, 0, head_max);
    CHECK(scan.refused);
  }
  CHECK(
      scan_request("GET http://x.example/ HTTP/1.1\r\nHost: x\r\n", 0, 100).size
      == 0);
  CHECK(scan_request(std::string(101, 'x'), 0, 100).refused->status == 431);
  CHECK_FALSE(scan_request(std::string(100, 'x'), 0, 100).refused);
  // Two heads at once: the first ends where it ends.
  auto one = get("http://x.example/");
  CHECK(scan_request(one + one, 0, head_max).size == one.size());
  for (std::size_t from = 0; from < one.size(); ++from)
    CHECK(scan_request(one, from, head_max).size == one.size());
}
