#include "tests/browser/proxy_fixture.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>

using namespace shannon;
using namespace shannon::test;

namespace {

std::string answer(const std::string& body, const std::string& fields = {}) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size())
         + "\r\n" + fields + "\r\n" + body;
}

/// Answers each request with its own head and body.
void echo(raw_socket& one, int) {
  for (auto request = one.read_message(); !request.empty();
       request = one.read_message())
    one.send(answer(request));
}

std::string get(const std::string& where, const std::string& path,
                const std::string& fields = {}) {
  return "GET http://" + where + path + " HTTP/1.1\r\nHost: " + where + "\r\n"
         + fields + "\r\n";
}

} // namespace

TEST_CASE_METHOD(proxy_fixture,
                 "requests of one browser connection share one of the server") {
  raw_server server{echo};
  auto where = allow("site.example", server);
  start();
  auto one = browser();
  for (int i = 0; i < 100; ++i) {
    one.send(get(where, "/" + std::to_string(i)));
    auto got = one.read_message();
    REQUIRE(got.find("GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: " + where
                     + "\r\nConnection: keep-alive\r\n\r\n")
            != std::string::npos);
  }
  CHECK(server.connections() == 1);
  CHECK(lookups() == 1);
  CHECK(proxy->counters().requests == 100);
  // Pipelined ones are answered in their order.
  one.send(get(where, "/a") + get(where, "/b") + get(where, "/c"));
  for (const char* path : {"GET /a ", "GET /b ", "GET /c "})
    CHECK(one.read_message().find(path) != std::string::npos);
  CHECK(server.connections() == 1);
}

TEST_CASE_METHOD(proxy_fixture, "another host is another connection") {
  raw_server first{echo};
  raw_server second{echo};
  auto here = allow("here.example", first);
  auto there = allow("there.example", second);
  start();
  auto one = browser();
  for (const auto& where : {here, there, here}) {
    one.send(get(where, "/"));
    CHECK(one.read_message().find("Host: " + where) != std::string::npos);
  }
  CHECK(first.connections() == 2);
  CHECK(second.connections() == 1);
  // What was looked up lately is not asked for again.
  CHECK(lookups() == 2);
}

TEST_CASE_METHOD(proxy_fixture, "bodies pass whole in both directions") {
  std::string big(20'000'000, 'x');
  for (std::size_t i = 0; i < big.size(); i += 1'000)
    big[i] = static_cast<char>('a' + i / 1'000 % 26);
  raw_server server{[&](raw_socket& one, int) {
    auto head = one.read_until("\r\n\r\n");
    bool same = false;
    if (head.find("Transfer-Encoding: chunked") != std::string::npos)
      same = one.read_until("0\r\n\r\n") == "5\r\nhello\r\n0\r\n\r\n";
    else
      same = one.read_exactly(big.size()) == big;
    one.send(answer(same ? big : "other bytes", "X-Same: x\r\n"));
  }};
  auto where = allow("site.example", server);
  start();
  auto post = "POST http://" + where + "/ HTTP/1.1\r\nHost: x\r\n";
  auto one = browser();
  one.send(post + "Content-Length: " + std::to_string(big.size()) + "\r\n\r\n");
  one.send(big);
  auto got = one.read_message();
  CHECK(got.size() > big.size());
  CHECK(got.compare(got.size() - big.size(), big.size(), big) == 0);
  auto two = browser();
  two.send(post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhel");
  two.send("lo\r\n0\r\n\r\n");
  CHECK(two.read_message().size() == got.size());
  auto sums = proxy->counters();
  CHECK(sums.bytes_up > big.size());
  CHECK(sums.bytes_down > 2 * big.size());
}

TEST_CASE_METHOD(proxy_fixture, "an answer ends as the server ends it") {
  raw_server server{[](raw_socket& one, int) {
    auto path = one.read_message().substr(0, 6);
    if (path == "GET /c")
      one.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               "5\r\nhello\r\n0\r\n\r\n");
    else if (path == "GET /e")
      one.send("HTTP/1.0 200 OK\r\n\r\nto the end");
    else if (path == "GET /s")
      one.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
    else if (path == "GET /b")
      one.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz");
    else if (path == "HEAD /")
      one.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    else if (path == "GET /i")
      one.send("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
               "HTTP/1.1 100 Continue\r\n\r\n"
               + answer("late"));
  }};
  auto where = allow("site.example", server);
  start();
  auto ask_for = [&](const std::string& path) {
    return fetch("http://" + where + path);
  };
  CHECK(ask_for("/c").find("\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        != std::string::npos);
  CHECK(ask_for("/e")
        == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end");
  // The browser must see that bytes are missing.
  CHECK(ask_for("/s").find("Content-Length: 100\r\n\r\nshort")
        == std::string::npos);
  CHECK(ask_for("/s").find("\r\n\r\nshort") != std::string::npos);
  CHECK(ask_for("/b").find("zz") == std::string::npos);
  CHECK(ask("HEAD http://" + where
            + "/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        == "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n"
           "\r\n");
  CHECK(ask_for("/i")
        == "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
           "HTTP/1.1 100 Continue\r\n\r\n"
           "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n"
           "\r\nlate");
  CHECK(all_ended());
}

TEST_CASE_METHOD(proxy_fixture,
                 "a server that speaks nonsense is refused in words") {
  raw_server server{[](raw_socket& one, int) {
    auto path = one.read_message().substr(0, 6);
    if (path == "GET /n")
      one.send("SSH-2.0-OpenSSH\r\n\r\n");
    else if (path == "GET /h")
      one.send("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x'));
    else if (path == "GET /p")
      one.send("HTTP/1.1 407 x\r\nContent-Length: 0\r\n\r\n");
    else if (path == "GET /w")
      one.send("HTTP/1.1 101 x\r\n\r\n");
    else if (path == "GET /1")
      while (one.send("HTTP/1.1 100 Continue\r\n\r\n")) {
      }
  }};
  auto where = allow("site.example", server);
  start();
  int refused = 0;
  for (const char* path : {"/n", "/h", "/p", "/w", "/1", "/0"}) {
    INFO(path);
    auto got = fetch("http://" + where + path);
    auto at = got.find("HTTP/1.1 502 Bad Gateway\r\n");
    REQUIRE(at != std::string::npos);
    CHECK(got.find("\r\nX-Shannon-Egress: refused; the server", at)
          != std::string::npos);
    CHECK(proxy->counters().refused == static_cast<unsigned>(++refused));
    CHECK(proxy->counters().refusals.back().host == "site.example");
  }
}

TEST_CASE_METHOD(proxy_fixture, "an early answer is heard") {
  raw_server server{[](raw_socket& one, int) {
    one.read_until("\r\n\r\n");
    one.send("HTTP/1.1 413 x\r\nContent-Length: 3\r\n\r\nbig");
  }};
  auto where = allow("site.example", server);
  start();
  auto one = browser();
  one.send("POST http://" + where
           + "/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\nx");
  auto got = one.read_message();
  CHECK(got.find("HTTP/1.1 413 x\r\n") == 0);
  CHECK(got.substr(got.size() - 3) == "big");
  one.shutdown_send();
  CHECK(all_ended());
}

TEST_CASE_METHOD(proxy_fixture, "either side's end is the other's at once") {
  std::atomic<int> ended{0};
  raw_server server{[&](raw_socket& one, int) {
    if (one.read_message().find("/close") != std::string::npos) {
      one.send(answer("last"));
      return;
    }
    ended += one.ends_within(5'000) ? 1 : 0;
  }};
  auto where = allow("site.example", server);
  start();
  {
    // Waiting for an answer.
    auto one = browser();
    one.send(get(where, "/wait"));
    CHECK(eventually([&] { return server.connections() == 1; }));
    one.close();
    CHECK(eventually([&] { return ended == 1; }));
  }
  {
    // Half a body.
    auto one = browser();
    one.send("POST http://" + where
             + "/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx");
    CHECK(eventually([&] { return server.connections() == 2; }));
    one.reset();
    CHECK(eventually([&] { return all_ended(); }));
  }
  // A server that does not wait for the next request, between two.
  auto one = browser();
  one.send(get(where, "/close"));
  CHECK(one.read_message().find("last") != std::string::npos);
  CHECK(one.ends_within(2'000));
  CHECK(all_ended());
}

TEST_CASE_METHOD(proxy_fixture, "a request is never sent a second time") {
  std::atomic<int> requests{0};
  raw_server server{[&](raw_socket& one, int) {
    one.read_message();
    ++requests;
    one.send(answer("one"));
    // The next one is read, and answered with the end.
    if (!one.read_message().empty())
      ++requests;
  }};
  auto where = allow("site.example", server);
  start();
  auto one = browser();
  one.send(get(where, "/1"));
  CHECK(one.read_message().find("one") != std::string::npos);
  one.send(get(where, "/2"));
  // Browsers ask again by themselves after an end without any answer.
  CHECK(one.read_to_end().empty());
  CHECK(requests == 2);
  CHECK(server.connections() == 1);
}

TEST_CASE_METHOD(proxy_fixture, "a WebSocket over a URL turns into a tunnel") {
  raw_server server{[](raw_socket& one, int) {
    auto head = one.read_until("\r\n\r\n");
    if (head.find("Connection: Upgrade\r\nUpgrade: websocket\r\n")
        == std::string::npos)
      return;
    one.send("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "\r\nfirst");
    one.send(one.read_exactly(6));
    one.read_to_end();
  }};
  auto where = allow("site.example", server);
  start();
  auto one = browser();
  one.send(get(where, "/", "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
  CHECK(one.read_until("\r\n\r\n").find("HTTP/1.1 101 x\r\n") == 0);
  CHECK(one.read_exactly(5) == "first");
  one.send("second");
  CHECK(one.read_exactly(6) == "second");
  one.close();
  CHECK(all_ended());
}

TEST_CASE_METHOD(proxy_fixture, "what cannot be read in one way is refused") {
  raw_server server{echo};
  auto where = allow("site.example", server);
  start();
  for (const std::string& bytes :
       {"GET / HTTP/1.1\r\nHost: " + where + "\r\n\r\n",
        "GET https://" + where + "/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "TRACE http://" + where + "/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST http://" + where
            + "/ HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
              "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        std::string{"\x16\x03\x01\x02\n"}}) {
    INFO(bytes);
    auto got = ask(bytes);
    CHECK(got.find("\r\nX-Shannon-Egress: refused; ") != std::string::npos);
    CHECK(got.find("HTTP/1.1 4") == 0);
  }
  CHECK(server.connections() == 0);
  // A chunk that two could read differently ends both sides.
  auto one = browser();
  one.send("POST http://" + where
           + "/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
             "5 \r\nhello\r\n0\r\n\r\n");
  CHECK(one.read_to_end().empty());
  CHECK(all_ended());
}
