#include "tests/gateway/shared_fixture.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <fcntl.h>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;

namespace {

/// Sends `bytes` and behind them a request that must not be answered: what a
/// smuggler would hide. Returns the status of the one answer.
int status_and_close(const std::string& bytes) {
  auto client = shared_fixture().client();
  client.send(bytes + get("/health", "X-Smuggled: yes\r\n"));
  auto all = client.read_to_end();
  if (!all || all->size() < 12)
    return 0;
  CHECK(all->find("HTTP/1.1 ", 1) == std::string::npos);
  CHECK(all->find("Connection: close") != std::string::npos);
  return std::stoi(all->substr(9, 3));
}

std::string task(const std::string& fields, const std::string& body) {
  return "POST /api/v1/tasks HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n"
         + body;
}

struct row {
  const char* name;
  std::string bytes;
  int status = 400;
};

std::string many_fields(int count) {
  std::string all;
  for (int i = 0; i < count; ++i)
    all += "a" + std::to_string(i) + ":\r\n";
  return all;
}

std::string chunks_with_extensions(int chunks, std::size_t size) {
  std::string all;
  for (int i = 0; i < chunks; ++i)
    all += "1;x=" + std::string(size, 'y') + "\r\n \r\n";
  return all + "0\r\n\r\n";
}

} // namespace

TEST_CASE("what two parsers could read differently is refused and closed") {
  const std::string chunked = "5\r\nhello\r\n0\r\n\r\n";
  auto one = GENERATE_COPY(values<row>({
      {"CL and TE",
       task("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", chunked)},
      {"TE and CL",
       task("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", chunked)},
      {"differing CL",
       task("Content-Length: 5\r\nContent-Length: 6\r\n", "hello")},
      {"CL with sign", task("Content-Length: +5\r\n", "hello")},
      {"CL in hex", task("Content-Length: 0x5\r\n", "hello")},
      {"CL overflow", task("Content-Length: 18446744073709551617\r\n", "h")},
      {"CL negative", task("Content-Length: -1\r\n", "h")},
      {"CL empty", task("Content-Length:\r\n", "h")},
      {"CL as list", task("Content-Length: 4, 4\r\n", "text")},
      {"CL repeated equal",
       task("Content-Length: 4\r\nContent-Length: 4\r\n", "text")},
      {"TE repeated",
       task("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            chunked)},
      {"TE xchunked", task("Transfer-Encoding: xchunked\r\n", chunked)},
      {"TE chunked, identity",
       task("Transfer-Encoding: chunked, identity\r\n", chunked)},
      {"TE identity, chunked",
       task("Transfer-Encoding: identity, chunked\r\n", chunked)},
      {"TE chunked, chunked",
       task("Transfer-Encoding: chunked, chunked\r\n", chunked)},
      {"TE gzip", task("Transfer-Encoding: gzip\r\n", chunked)},
      {"TE with vertical tab", task("Transfer-Encoding: \x0b"
                                    "chunked\r\n",
                                    chunked)},
      {"TE in HTTP/1.0",
       "POST /api/v1/tasks HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: "
       "chunked\r\n\r\n"
           + chunked},
      {"space before colon", task("Content-Length : 5\r\n", "hello")},
      {"bare LF after a field", task("X: y\nContent-Length: 5\r\n", "hello")},
      {"bare LF after the request line", "GET /health HTTP/1.1\nHost: a\r\n"},
      {"bare CR in a field", task("X: a\rb\r\n", "")},
      {"NUL in a field", task(std::string{"X: a\0b\r\n", 8}, "")},
      {"CTL in a field", task("X: a\x01"
                              "b\r\n",
                              "")},
      {"CTL in the target", "GET /he\x01lth HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"blank in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"empty line first", "\r\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"no version", "GET /health\r\nHost: a\r\n\r\n"},
      {"malformed version", "GET /health HTTQ/1.1\r\nHost: a\r\n\r\n"},
      {"version 1.2", "GET /health HTTP/1.2\r\nHost: a\r\n\r\n", 505},
      {"version 2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"malformed method", "G@T /health HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"TLS on a plain port", std::string{"\x16\x03\x01\x00\x05\x01\x00\n", 8}},
      {"two Host fields", "GET /health HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
      {"no Host in 1.1", "GET /health HTTP/1.1\r\nX: y\r\n\r\n"},
      {"empty Host", "GET /health HTTP/1.1\r\nHost:\r\n\r\n"},
      {"malformed Host", "GET /health HTTP/1.1\r\nHost: a b\r\n\r\n"},
      {"Host with a path", "GET /health HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {"absolute form with another host",
       "GET http://evil/health HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"absolute form with user info",
       "GET http://a@localhost/health HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"authority form", "CONNECT localhost:1 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"fragment", "GET /health#x HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"obs-fold", task("X: a\r\n b\r\nContent-Length: 0\r\n", "")},
      {"folded first field",
       "GET /health HTTP/1.1\r\n Host: localhost\r\nHost: a\r\n\r\n"},
      {"field without colon", task("Content-Length\r\n", "")},
      {"field without name", task(": 5\r\n", "")},
      {"long header", task("X: " + std::string(9'000, 'x') + "\r\n", ""), 431},
      {"header without end", "GET /" + std::string(9'000, 'x'), 431},
      {"101 fields", task(many_fields(100), ""), 431},
      {"1,000 tiny fields", task(many_fields(1'000), ""), 431},
      {"unknown expectation",
       task("Expect: coffee\r\nContent-Length: 2\r\n", "{}"), 417},
      {"bad chunk size",
       task("Transfer-Encoding: chunked\r\n", "zz\r\nhello\r\n0\r\n\r\n")},
      {"negative chunk size",
       task("Transfer-Encoding: chunked\r\n", "-5\r\nhello\r\n0\r\n\r\n")},
      {"chunk size overflow", task("Transfer-Encoding: chunked\r\n",
                                   "ffffffffffffffffff\r\nhello\r\n")},
      {"chunk longer than its size",
       task("Transfer-Encoding: chunked\r\n", "3\r\nhello\r\n0\r\n\r\n")},
      {"bare LF in chunk framing",
       task("Transfer-Encoding: chunked\r\n", "5\nhello\n0\n\n")},
      {"chunk extension of 300 bytes",
       task("Transfer-Encoding: chunked\r\n", chunks_with_extensions(1, 300))},
      {"chunk extensions of 5 kB in all",
       task("Transfer-Encoding: chunked\r\n", chunks_with_extensions(25, 200))},
      {"chunk extension of 20 kB", task("Transfer-Encoding: chunked\r\n",
                                        chunks_with_extensions(1, 20'000))},
      {"trailer Content-Length",
       task("Transfer-Encoding: chunked\r\n",
            "5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n")},
      {"endless trailer", task("Transfer-Encoding: chunked\r\n",
                               "0\r\nX: " + std::string(20'000, 'x'))},
  }));
  INFO(one.name);
  CHECK(status_and_close(one.bytes) == one.status);
}

TEST_CASE("what is strict but right is served") {
  auto one = GENERATE(values<row>({
      {"plain", get("/health"), 200},
      {"absolute form with the same host",
       "GET http://LOCALHOST:80/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
       200},
      {"HTTP/1.0 without Host", "GET /health HTTP/1.0\r\n\r\n", 200},
      {"100 fields", get("/health", many_fields(99)), 200},
      {"blanks around a value", get("/health", "X:  a\t \r\n"), 200},
      {"empty value", get("/health", "X:\r\n"), 200},
      {"chunked in capitals",
       task("Transfer-Encoding: CHUNKED\r\n",
            "7;a=b\r\n{\"query\r\n6\r\n\":\"x\"}\r\n0\r\n\r\n"),
       200},
      {"OPTIONS of everything", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
       200},
      {"body of a GET",
       "GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 200},
  }));
  INFO(one.name);
  CHECK(shared_fixture().ask(one.bytes).status == one.status);
}

TEST_CASE("a body over its route's limit is refused before it is read") {
  auto settings = quick_settings();
  settings.body_bytes_max = 1'000;
  settings.task_body_bytes_max = 5'000;
  gateway_fixture fixture{settings};
  SECTION("by its length") {
    auto client = fixture.client();
    client.send(task("Content-Length: 5001\r\n", ""));
    CHECK(client.response()->status == 413);
    CHECK(client.read_to_end());
  }
  SECTION("by its chunks, announced") {
    auto client = fixture.client();
    client.send(task("Transfer-Encoding: chunked\r\n", "1389\r\n"));
    CHECK(client.response()->status == 413);
  }
  SECTION("by its chunks, summed up") {
    auto client = fixture.client();
    std::string chunk = "3e8\r\n" + std::string(1'000, ' ') + "\r\n";
    client.send(task("Transfer-Encoding: chunked\r\n",
                     chunk + chunk + chunk + chunk + chunk + "1\r\n"));
    CHECK(client.response()->status == 413);
  }
  SECTION("on a route with a smaller limit") {
    CHECK(fixture
              .ask("POST /api/v1/tasks/t/cancel HTTP/1.1\r\nHost: a\r\n"
                   "Content-Length: 1001\r\n\r\n")
              .status
          == 413);
  }
  SECTION("while the client sends it all, and still reads the answer") {
    auto client = fixture.client();
    std::string body(2'000'000, 'x');
    client.send(post("/api/v1/tasks", body));
    CHECK(client.response()->status == 413);
  }
  SECTION("but one at the limit is served") {
    std::string query(4'000, 'q');
    CHECK(fixture.ask(post("/api/v1/tasks", "{\"query\":\"" + query + "\"}"))
              .status
          == 200);
  }
}

TEST_CASE("100-continue is promised only for a body that will be read") {
  auto& fixture = shared_fixture();
  auto client = fixture.client();
  client.send(task("Expect: 100-continue\r\nContent-Length: 13\r\n", ""));
  CHECK(client.read_until("HTTP/1.1 100 Continue\r\n\r\n"));
  client.send("{\"query\":\"x\"}");
  CHECK(client.response()->status == 200);
  auto large = fixture.client();
  large.send(task("Expect: 100-continue\r\nContent-Length: 99999999\r\n", ""));
  CHECK(large.response()->status == 413);
}

TEST_CASE("a connection is kept for many requests, one at a time") {
  auto settings = quick_settings();
  settings.requests_per_connection_max = 5;
  gateway_fixture fixture{settings};
  auto client = fixture.client();
  for (int i = 0; i < 4; ++i) {
    client.send(get("/health"));
    auto answer = client.response();
    REQUIRE(answer);
    CHECK(answer->fields.count("connection") == 0);
  }
  client.send(get("/health"));
  CHECK(client.response()->fields.at("connection") == "close");
  CHECK(client.read_to_end() == "");
}

TEST_CASE("requests sent at once are answered in order") {
  auto client = shared_fixture().client();
  std::string all;
  for (int i = 0; i < 300; ++i)
    all += i % 3 == 0 ? get("/nothing") : get("/health");
  client.send(all);
  for (int i = 0; i < 300; ++i) {
    auto answer = client.response();
    REQUIRE(answer);
    CHECK(answer->status == (i % 3 == 0 ? 404 : 200));
  }
}

TEST_CASE("HTTP/1.0 closes unless it asks to keep") {
  auto client = shared_fixture().client();
  client.send("GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(client.response()->fields.at("connection") == "keep-alive");
  client.send("GET /health HTTP/1.0\r\n\r\n");
  CHECK(client.response()->fields.at("connection") == "close");
  CHECK(client.read_to_end() == "");
}

TEST_CASE("every phase of a connection has a deadline") {
  auto settings = quick_settings();
  settings.first_byte_timeout = 200ms;
  settings.header_timeout = 300ms;
  settings.body_timeout = 300ms;
  settings.keep_alive_timeout = 200ms;
  gateway_fixture fixture{settings};
  auto client = fixture.client();
  SECTION("before the first byte it is closed without a word") {
    CHECK(client.read_to_end() == "");
  }
  SECTION("in the header it is told") {
    client.send("GET /health HT");
    CHECK(client.response()->status == 408);
    CHECK(client.read_to_end());
  }
  SECTION("a header byte now and then does not help") {
    bool open = true;
    auto until = std::chrono::steady_clock::now() + 5s;
    client.send("GET /health HTTP/1.1\r\nX: ");
    while (open && std::chrono::steady_clock::now() < until)
      open = client.send("x") && client.stays_silent(20ms);
    CHECK(client.response()->status == 408);
  }
  SECTION("in the body it is told") {
    client.send(task("Content-Length: 100\r\n", "{"));
    CHECK(client.response()->status == 408);
  }
  SECTION("between requests it is closed") {
    client.send(get("/health"));
    CHECK(client.response()->status == 200);
    CHECK(client.read_to_end() == "");
  }
}

TEST_CASE("a body that comes too slowly is refused, though it comes") {
  auto settings = quick_settings();
  settings.body_grace = 200ms;
  settings.body_rate_min = 1'000'000;
  gateway_fixture fixture{settings};
  auto client = fixture.client();
  client.send(task("Content-Length: 100000\r\n", "{"));
  auto until = std::chrono::steady_clock::now() + 5s;
  while (client.stays_silent(20ms) && std::chrono::steady_clock::now() < until)
    client.send(" ");
  auto answer = client.response();
  REQUIRE(answer);
  CHECK(answer->status == 408);
}

TEST_CASE("bodies in memory are bounded over all connections") {
  auto settings = quick_settings();
  settings.bodies_bytes_max = 100'000;
  gateway_fixture fixture{settings};
  std::string half(60'000, ' ');
  auto first = fixture.client();
  first.send(task("Content-Length: 60002\r\n", half));
  // Once it is known to be read, a second is one too many.
  CHECK(eventually([&] {
    auto second = fixture.client();
    second.send(task("Content-Length: 60002\r\n", half + "{}"));
    auto answer = second.response();
    return answer && answer->status == 503
           && answer->fields.count("retry-after") == 1;
  }));
  first.send("{}");
  CHECK(first.response()->status == 400); // It has no query.
  CHECK(fixture.ask(task("Content-Length: 60002\r\n", half + "{}")).status
        == 400);
}

TEST_CASE("an answer does not say what serves it") {
  auto answer = shared_fixture().ask(get("/health"));
  CHECK(answer.fields.count("server") == 0);
  CHECK(answer.fields.count("x-powered-by") == 0);
}

TEST_CASE("the next request of a connection waits until the one before is "
          "answered") {
  gateway_fixture fixture;
  std::atomic<int> asked{0};
  std::atomic<bool> open{false};
  fixture.stand_in("llm", [&](const envelope&) -> result<message_body> {
    ++asked;
    return open ? result<message_body>{fail(errc::unavailable, "away")}
                : result<message_body>{message_body{}};
  });
  auto client = fixture.client();
  client.send(get("/v1/llm-models") + get("/v1/llm-models"));
  CHECK(eventually([&] { return asked == 1; }));
  CHECK(client.stays_silent(100ms));
  CHECK(asked == 1);
  open = true;
  CHECK(client.response()->status >= 500); // At its timeout.
  CHECK(client.response());
  CHECK(asked == 2);
}

TEST_CASE("requests that wait for their answer are bounded; one more is "
          "refused at once, and its connection kept") {
  auto settings = quick_settings();
  settings.requests_waiting_max = 3;
  gateway_fixture fixture{settings};
  std::atomic<int> asked{0};
  fixture.stand_in("llm", [&](const envelope&) -> result<message_body> {
    ++asked;
    return message_body{}; // Not now.
  });
  std::vector<raw_client> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.push_back(fixture.client());
    waiting.back().send(get("/v1/llm-models"));
  }
  REQUIRE(eventually([&] { return asked == 3; }));
  auto client = fixture.client();
  client.send(post("/api/v1/tasks", R"({"query":"x"})"));
  auto answer = client.response();
  REQUIRE(answer);
  CHECK(answer->status == 503);
  CHECK(answer->fields.at("retry-after") == "1");
  CHECK(answer->fields.count("connection") == 0);
  // Health tells the truth, on the same connection.
  client.send(get("/health"));
  CHECK(client.response()->status == 200);
  // The words are those of who was asked.
  client.send(get("/v1/models", "anthropic-version: 2023-06-01\r\n"));
  answer = client.response();
  REQUIRE(answer);
  CHECK(answer->status == 503);
  CHECK(answer->body.find("\"type\":\"error\"") != std::string::npos);
  // What is large is refused before it is read.
  auto large = fixture.client();
  large.send(task("Content-Length: 1000000\r\n", ""));
  answer = large.response();
  REQUIRE(answer);
  CHECK(answer->status == 503);
  CHECK(answer->fields.at("connection") == "close");
  // They get their answer at their timeout, which makes room.
  CHECK(eventually([&] {
    return fixture.ask(post("/api/v1/tasks", R"({"query":"x"})")).status == 200;
  }));
}

TEST_CASE("connections over the limits are told and closed") {
  auto settings = quick_settings();
  SECTION("of all clients: 503") {
    settings.connections_max = 4;
    gateway_fixture fixture{settings};
    std::vector<raw_client> kept;
    for (int i = 0; i < 4; ++i) {
      kept.push_back(fixture.client());
      kept.back().send(get("/health"));
      REQUIRE(kept.back().response());
    }
    auto fifth = fixture.client();
    auto answer = fifth.response();
    REQUIRE(answer);
    CHECK(answer->status == 503);
    CHECK(answer->fields.count("retry-after") == 1);
    CHECK(fifth.read_to_end());
    kept.pop_back();
    CHECK(
        eventually([&] { return fixture.ask(get("/health")).status == 200; }));
  }
  SECTION("of one address: 429") {
    settings.connections_per_ip_max = 2;
    gateway_fixture fixture{settings};
    auto first = fixture.client();
    auto second = fixture.client();
    for (auto* one : {&first, &second}) {
      one->send(get("/health"));
      REQUIRE(one->response());
    }
    CHECK(fixture.client().response()->status == 429);
  }
}

namespace {

/// What all threads of this process have used.
long processor_us() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  auto us
      = [](const timeval& one) { return one.tv_sec * 1'000'000 + one.tv_usec; };
  return us(used.ru_utime) + us(used.ru_stime);
}

} // namespace

TEST_CASE("without file descriptors a client is still told") {
  gateway_fixture fixture;
  // Made before the limit; connecting needs no descriptor of its own.
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  auto lowest = ::open("/dev/null", O_RDONLY);
  ::close(lowest);
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(lowest) + 1;
  setrlimit(RLIMIT_NOFILE, &tight);
  auto client = fixture.client(); // Takes the last one.
  auto answer = client.response();
  // Nobody else is there: the server waits, and does not try again and again.
  auto before_us = processor_us();
  std::this_thread::sleep_for(300ms);
  auto busy_us = processor_us() - before_us;
  setrlimit(RLIMIT_NOFILE, &before);
  REQUIRE(answer);
  CHECK(answer->status == 503);
  CHECK(busy_us < 30'000);
  // A client that came in the same moment may be told the same.
  CHECK(eventually([&] { return fixture.ask(get("/health")).status == 200; }));
}

TEST_CASE("an address that others can reach, or that is taken, is refused") {
  kit::io_loop loop{"ingress"};
  auto settings = quick_settings();
  SECTION("not loopback") {
    settings.listen = "0.0.0.0:0";
    auto refused = gateway::http_server::listen(loop, settings);
    REQUIRE(!refused);
    CHECK(refused.error().text.find("0.0.0.0:0") != std::string::npos);
    CHECK(refused.error().text.find("insecure: true") != std::string::npos);
    CHECK(gateway::http_server::listen(loop, settings, true));
  }
  SECTION("nor the admin door") {
    settings.admin_listen = "0.0.0.0:0";
    CHECK(!gateway::http_server::listen(loop, settings));
  }
  SECTION("taken") {
    auto first = gateway::http_server::listen(loop, settings);
    REQUIRE(first);
    settings.listen = (*first)->local_address();
    auto second = gateway::http_server::listen(loop, settings);
    REQUIRE(!second);
    CHECK(second.error().text
          == "cannot listen on " + settings.listen
                 + ": Address already in use");
    (*first)->stop();
  }
}
