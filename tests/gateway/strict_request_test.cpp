#include "actors/gateway/http/body_reader.hpp"
#include "actors/gateway/http/strict_request.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace shannon::gateway;

namespace {

constexpr strict_limits limits{};

request_head parsed(const std::string& head) {
  auto got = parse_head(head, limits);
  REQUIRE(got);
  return *got;
}

/// Feeds `bytes` in pieces of `step`; returns the body, or the refusal's name.
std::string read_body(const std::string& fields, const std::string& bytes,
                      std::size_t step, std::uint64_t bytes_max = 1'000) {
  auto text = "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
  body_reader reader{parsed(text), bytes_max};
  if (auto refused = reader.begin(text))
    return std::string{refused->reason};
  std::string waiting;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    waiting += bytes.substr(at, step);
    auto made = reader.feed(waiting);
    if (made.refused)
      return std::string{made.refused->reason};
    waiting.erase(0, made.consumed);
    if (made.done)
      return reader.take();
  }
  return "incomplete";
}

} // namespace

TEST_CASE("a head is found however its bytes arrive") {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  auto bytes = head + "next";
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    auto first = scan_head(bytes.substr(0, cut), 0, limits);
    CHECK(!first.refused);
    if (first.size != 0) {
      CHECK(first.size == head.size());
      continue;
    }
    auto whole = scan_head(bytes, cut < 3 ? 0 : cut - 3, limits);
    CHECK(whole.size == head.size());
  }
}

TEST_CASE("what no further byte can mend is refused at once") {
  CHECK(scan_head("G\n", 0, limits).refused->reason == "bare-lf");
  CHECK(scan_head("G\rE", 0, limits).refused->reason == "bare-cr");
  CHECK(scan_head("\r\n", 0, limits).refused->reason == "request-line");
  CHECK(scan_head(std::string{"G\0", 2}, 0, limits).refused->reason == "nul");
  CHECK(scan_head(std::string(9'000, 'x'), 0, limits).refused->status == 431);
  CHECK(!scan_head("GET / HTTP/1.1\r", 0, limits).refused);
}

TEST_CASE("a head is read into its parts") {
  auto head = parsed("POST /a/b?c=d%20e HTTP/1.1\r\nHost: Example:80\r\n"
                     "X-One:  two \r\nContent-Length: 12\r\n"
                     "Expect: 100-continue\r\n\r\n");
  CHECK(head.method == "POST");
  CHECK(head.path == "/a/b");
  CHECK(head.query == "c=d%20e");
  CHECK(head.content_length == 12);
  CHECK(head.keep_alive);
  CHECK(head.expects_continue);
  CHECK(!head.chunked);
  CHECK(head.fields[1] == std::pair<std::string, std::string>{"x-one", "two"});
}

TEST_CASE("an absolute target must name the Host") {
  auto with = [](const std::string& target, const std::string& host) {
    return parse_head(
        "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n", limits);
  };
  CHECK(with("http://a.example/x?y", "A.example")->path == "/x");
  CHECK(with("http://a.example", "a.example:80")->path == "/");
  CHECK(with("http://a.example?q", "a.example")->query == "q");
  CHECK(!with("http://b.example/x", "a.example"));
  CHECK(!with("http://a.example:81/x", "a.example"));
  CHECK(!with("https://a.example/x", "a.example"));
  CHECK(!with("http:///x", "a.example"));
}

TEST_CASE("the connection ends when either side's version says so") {
  auto keeps = [](const std::string& version, const std::string& fields) {
    return parsed("GET / " + version + "\r\nHost: a\r\n" + fields + "\r\n")
        .keep_alive;
  };
  CHECK(keeps("HTTP/1.1", ""));
  CHECK(!keeps("HTTP/1.1", "Connection: Close\r\n"));
  CHECK(!keeps("HTTP/1.1", "Connection: keep-alive, close\r\n"));
  CHECK(!keeps("HTTP/1.0", ""));
  CHECK(keeps("HTTP/1.0", "Connection: Keep-Alive\r\n"));
}

TEST_CASE("a body is the same however its bytes arrive") {
  const std::string chunks
      = "5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\nX-Sum: 1\r\n\r\n";
  for (std::size_t step = 1; step <= chunks.size(); ++step) {
    CHECK(read_body("Transfer-Encoding: chunked\r\n", chunks, step)
          == "hello, world");
    CHECK(read_body("Content-Length: 12\r\n", "hello, worldGET /", step)
          == "hello, world");
  }
}

TEST_CASE("a body stays within its bounds") {
  auto chunked = "Transfer-Encoding: chunked\r\n";
  CHECK(read_body("Content-Length: 1001\r\n", "x", 1) == "body-bytes");
  CHECK(read_body("Content-Length: 1000\r\n", std::string(1'000, 'x'), 7)
        == std::string(1'000, 'x'));
  CHECK(read_body(chunked, "3e9\r\n", 5) == "body-bytes");
  CHECK(
      read_body(chunked, "3e8\r\n" + std::string(1'000, 'x') + "\r\n1\r\n", 11)
      == "body-bytes");
  CHECK(read_body(chunked, "1;" + std::string(9'000, 'x'), 100)
        == "chunk-extension");
  CHECK(read_body(chunked, "1;" + std::string(300, 'x') + "\r\n", 1'000)
        == "chunk-extension");
  CHECK(
      read_body(chunked, "0\r\nX: " + std::string(5'000, 'x') + "\r\n\r\n", 100)
      == "chunk");
}

TEST_CASE("what is no chunk is refused before its line ends") {
  auto chunked = "Transfer-Encoding: chunked\r\n";
  for (const char* bytes :
       {"z", "5 ", "5 \r\n", ";x", "\r\n", "-1", "0x5", "11112222333344445",
        "5\r\nhello0", "5\r\nhello\rx", "1;a\x01", "0\r\n\x02", "0\r\nx\r\n",
        "0\r\n: y\r\n", "0\r\nx : y\r\n"}) {
    INFO(bytes);
    CHECK(read_body(chunked, bytes, 1) == "chunk");
  }
  for (const char* name : {"Content-Length", "Transfer-Encoding", "HOST"}) {
    INFO(name);
    CHECK(read_body(chunked, "0\r\n" + std::string{name} + ": 3\r\n\r\n", 1)
          == "trailer");
  }
}

TEST_CASE("a trailer that ended Beast's reading ends nothing") {
  // Found by the fuzz target `chunked`.
  std::string bytes{"0\r\nCo\xebw\x01\0\x80`\0\0ntentegth:y\r\n\r\n", 29};
  CHECK(read_body("Transfer-Encoding: chunked\r\n", bytes, bytes.size())
        == "chunk");
}

TEST_CASE("chunk extensions are bounded one by one and in all") {
  chunk_budget budget;
  CHECK(budget.take(256));
  CHECK(!chunk_budget{}.take(257));
  for (int i = 1; i < 16; ++i)
    CHECK(budget.take(256));
  CHECK(!budget.take(1));
}
