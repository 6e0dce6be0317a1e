#include "actors/browser/egress/body_end.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace shannon::browser;

namespace {

struct seen {
  std::size_t taken = 0;
  bool done = false;
  bool broken = false;
};

seen feed(body_end end, std::string_view bytes, std::size_t piece) {
  seen out;
  while (!bytes.empty() && !end.done() && !end.broken()) {
    auto part = bytes.substr(0, piece);
    auto taken = end.take(part);
    out.taken += taken;
    bytes.remove_prefix(taken);
  }
  out.done = end.done();
  out.broken = end.broken();
  return out;
}

void check_ends(body_end end, const std::string& body) {
  for (std::size_t piece : {1ul, 2ul, 3ul, 7ul, 1000ul}) {
    INFO(body << " in pieces of " << piece);
    auto got = feed(end, body + "GET / HTTP/1.1", piece);
    CHECK(got.done);
    CHECK(got.taken == body.size());
    // Without its last byte it has not ended.
    auto cut
        = feed(end, std::string_view{body}.substr(0, body.size() - 1), piece);
    CHECK_FALSE(cut.done);
    CHECK_FALSE(cut.broken);
  }
}

} // namespace

TEST_CASE("a body of known length ends there") {
  CHECK(body_end::none().done());
  CHECK(body_end::after(0).done());
  check_ends(body_end::after(1), "x");
  check_ends(body_end::after(10), "0123456789");
  auto endless = body_end::at_close();
  CHECK(endless.take(std::string(1000, 'x')) == 1000);
  CHECK_FALSE(endless.done());
}

TEST_CASE("a chunked body ends behind its last chunk") {
  for (bool from_server : {false, true}) {
    auto end = body_end::chunked(from_server);
    check_ends(end, "0\r\n\r\n");
    check_ends(end, "5\r\nhello\r\n0\r\n\r\n");
    check_ends(end, "00005\r\nhello\r\n000\r\n\r\n");
    check_ends(end, "A\r\n0123456789\r\nb;x=y\r\n0123456789a\r\n0;z\r\n\r\n");
    check_ends(end, "5\r\n\r\n0\r\n\r\n0\r\n\r\n");
  }
  auto server = body_end::chunked(true);
  check_ends(server, "5  \r\nhello\r\n0 \r\n\r\n");
  check_ends(server, "0\r\nX: y\r\nZ: a\r\n\r\n");
}

TEST_CASE("chunks that two readers could read differently are broken") {
  for (const std::string text :
       {"\r\n", " 5\r\n", "+5\r\n", "-1\r\n", "0x5\r\n", "g\r\n", "5\n", "5\rx",
        "5 x\r\n", ";x\r\n", "5;\x01\r\n", "5;x\n", "1000000000000000\r\n",
        "5\r\nhello0\r\n", "5\r\nhello\n", "5\r\nhello\rx", "0\r\n\rx",
        "5,5\r\n"})
    for (bool from_server : {false, true})
      for (std::size_t piece : {1ul, 1000ul}) {
        INFO(text);
        CHECK(feed(body_end::chunked(from_server), text, piece).broken);
      }
  for (const std::string text : {"5 \r\n", "0\r\nX: y\r\n\r\n"})
    CHECK(feed(body_end::chunked(false), text, 1000).broken);
}

TEST_CASE("what surrounds a chunk is bounded") {
  auto broken = [](const std::string& text) {
    return feed(body_end::chunked(true), text, 64).broken;
  };
  CHECK(broken("5;" + std::string(2'000, 'x')));
  CHECK(broken("5" + std::string(2'000, ' ')));
  CHECK(broken(std::string(2'000, '0')));
  std::string trailers = "0\r\n";
  while (trailers.size() < 10'000)
    trailers += "X: y\r\n";
  CHECK(broken(trailers));
}
