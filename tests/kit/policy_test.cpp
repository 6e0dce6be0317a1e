#include "actors/kit/egress/own_address.hpp"
#include "actors/kit/egress/resolve.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::kit;
using boost::asio::ip::make_address;

namespace {

endpoints at(std::initializer_list<const char*> addresses) {
  endpoints out;
  for (const auto* text : addresses)
    out.emplace_back(make_address(text), std::uint16_t{80});
  return out;
}

} // namespace

TEST_CASE("one private address among the answers refuses the name") {
  egress_policy policy{{}};
  CHECK(policy.check_addresses("a.example", 80, at({"8.8.8.8", "1.1.1.1"})));
  for (auto list : {at({"8.8.8.8", "10.0.0.1"}), at({"10.0.0.1", "8.8.8.8"}),
                    at({"8.8.8.8", "::1"}), at({"127.0.0.1"})}) {
    auto got = policy.check_addresses("a.example", 80, list);
    REQUIRE_FALSE(got);
    CHECK(got.error().code == errc::denied);
  }
}

TEST_CASE("a name without any address is unavailable, not allowed") {
  auto got = egress_policy{{}}.check_addresses("a.example", 80, {});
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::unavailable);
}

TEST_CASE("an exception holds for its host and port alone") {
  egress_policy policy{{"intra.example:8080", "[::1]:9000", "127.0.0.1:9001"}};
  CHECK(policy.check_host("intra.example", 8080));
  CHECK(policy.check_addresses("intra.example", 8080, at({"10.0.0.1"})));
  CHECK_FALSE(policy.check_addresses("intra.example", 8081, at({"10.0.0.1"})));
  CHECK(policy.check_host("::1", 9000));
  CHECK_FALSE(policy.check_host("::1", 9001));
  CHECK(policy.check_host("127.0.0.1", 9001));
  CHECK_FALSE(policy.check_host("127.0.0.1", 9000));
  CHECK_FALSE(policy.check_host("localhost", 8080));
}

TEST_CASE("a refusal does not say what an internal name resolves to") {
  auto got = egress_policy{{}}.check_addresses("db.example.com", 80,
                                               at({"10.1.2.3"}));
  REQUIRE_FALSE(got);
  CHECK(got.error().text.find("10.1.2.3") == std::string::npos);
}

TEST_CASE("this machine knows its own addresses") {
  CHECK(is_own_address(make_address("127.0.0.1")));
  CHECK_FALSE(is_own_address(make_address("127.0.0.2")));
  CHECK_FALSE(is_own_address(make_address("192.0.2.1")));
  CHECK_FALSE(is_own_address(make_address("2001:db8::1")));
}
