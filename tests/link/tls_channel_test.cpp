// TLS between two sides of one process, without sockets.

#include "actors/link/tls_channel.hpp"
#include "tests/link/certificate_dir.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

using namespace shannon;
using namespace shannon::link;
using shannon::test::certificate_dir;

namespace {

std::shared_ptr<const tls_context> context(const certificate_dir& trusts,
                                           const certificate_files& own) {
  auto made = tls_context::load(trusts.ca(), own.cert, own.key);
  if (!made)
    FAIL(made.error().text);
  return *made;
}

struct pair_of_sides {
  pair_of_sides(std::shared_ptr<const tls_context> a,
                std::shared_ptr<const tls_context> b)
      : dials(std::move(a), tls_channel::side::dials),
        accepts(std::move(b), tls_channel::side::accepts) {}

  /// Until neither has anything to say, or one refuses.
  result<void> shake(std::size_t step = 1u << 20) {
    result<void> good = dials.take({}, to_dials);
    for (bool more = true; more && good;) {
      more = false;
      std::string wire;
      dials.drain(wire);
      for (std::size_t at = 0; at < wire.size() && good; at += step) {
        good
            = accepts.take(std::string_view{wire}.substr(at, step), to_accepts);
        more = true;
      }
      wire.clear();
      accepts.drain(wire);
      if (!good) {
        dials.take(wire, to_dials);
        return good;
      }
      for (std::size_t at = 0; at < wire.size() && good; at += step) {
        good = dials.take(std::string_view{wire}.substr(at, step), to_dials);
        more = true;
      }
    }
    return good;
  }

  tls_channel dials;
  tls_channel accepts;
  std::string to_dials;
  std::string to_accepts;
};

} // namespace

TEST_CASE("two certificates of one CA meet, and each knows the other's name") {
  certificate_dir dir;
  auto one = context(dir, dir.issue("n1"));
  auto two = context(dir, dir.issue("n2"));
  CHECK(one->names() == std::vector<std::string>{"n1"});
  for (std::size_t step : {1u, 1u << 20}) {
    pair_of_sides sides{one, two};
    auto done = sides.shake(step);
    INFO((done ? "" : done.error().text));
    REQUIRE(done);
    REQUIRE(sides.dials.established());
    REQUIRE(sides.accepts.established());
    CHECK(sides.dials.peer_names() == std::vector<std::string>{"n2"});
    CHECK(sides.accepts.peer_names() == std::vector<std::string>{"n1"});
    std::string text(100'000, 'x');
    std::string wire;
    REQUIRE(sides.dials.put(text));
    sides.dials.drain(wire);
    CHECK(wire.find("xxxx") == std::string::npos);
    REQUIRE(sides.accepts.take(wire, sides.to_accepts));
    CHECK(sides.to_accepts == text);
  }
}

TEST_CASE("a certificate of another CA is refused, on either side") {
  certificate_dir dir;
  certificate_dir other;
  auto ours = context(dir, dir.issue("n1"));
  auto theirs = context(other, other.issue("n2"));
  pair_of_sides as_dialler{theirs, ours};
  CHECK(!as_dialler.shake());
  CHECK(!as_dialler.accepts.established());
  pair_of_sides as_acceptor{ours, theirs};
  auto got = as_acceptor.shake();
  REQUIRE(!got);
  CHECK(got.error().text.find("certificate is refused") != std::string::npos);
}

TEST_CASE("a byte that was changed on its way is found") {
  certificate_dir dir;
  pair_of_sides sides{context(dir, dir.issue("n1")),
                      context(dir, dir.issue("n2"))};
  REQUIRE(sides.shake());
  std::string wire;
  REQUIRE(sides.dials.put("pay 10"));
  sides.dials.drain(wire);
  wire[wire.size() / 2] ^= 1;
  CHECK(!sides.accepts.take(wire, sides.to_accepts));
  CHECK(sides.to_accepts.empty());
}

TEST_CASE("files that are no certificate, or not of one pair, are refused") {
  certificate_dir dir;
  auto one = dir.issue("n1");
  auto two = dir.issue("n2");
  auto refused = [](const std::string& ca, const std::string& cert,
                    const std::string& key) {
    auto got = tls_context::load(ca, cert, key);
    return got ? std::string{"(accepted)"} : got.error().text.substr(0, 8);
  };
  CHECK(refused(dir.ca(), one.cert, one.key) == "(accepted)");
  CHECK(refused("/nonexistent", one.cert, one.key) == "tls.ca: ");
  CHECK(refused(dir.ca(), one.key, one.key) == "tls.cert");
  CHECK(refused(dir.ca(), one.cert, two.key) == "tls.key:");
}
