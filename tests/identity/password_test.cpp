#include "actors/gateway/identity/password.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace shannon::gateway {

namespace {

/// As small as settings allow, so that the test is quick.
constexpr password_costs cheap{7ull * 1024 * 1024, 1};

} // namespace

TEST_CASE(
    "a password is hashed with argon2id, at least 19 MiB and two passes") {
  auto hash = hash_password("correct horse", password_costs{});
  REQUIRE(hash);
  CHECK(hash->starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
  CHECK(is_password("correct horse", *hash));
  CHECK_FALSE(is_password("correct hors", *hash));
  CHECK_FALSE(is_password("correct horse ", *hash));
  CHECK_FALSE(is_password("", *hash));
}

TEST_CASE("the same password never has the same hash") {
  auto one = hash_password("correct horse", cheap);
  auto two = hash_password("correct horse", cheap);
  REQUIRE(one);
  REQUIRE(two);
  CHECK(*one != *two);
  CHECK(is_password("correct horse", *one));
  CHECK(is_password("correct horse", *two));
}

TEST_CASE("a password may hold zero bytes, and they count") {
  std::string with_zero{"12345678\0abc", 12};
  auto hash = hash_password(with_zero, cheap);
  REQUIRE(hash);
  CHECK(is_password(with_zero, *hash));
  CHECK_FALSE(is_password("12345678", *hash));
}

TEST_CASE("a password is 8 to 1024 bytes long") {
  CHECK_FALSE(hash_password("1234567", cheap));
  CHECK(hash_password("12345678", cheap));
  CHECK(hash_password(std::string(1'024, 'a'), cheap));
  auto refused = hash_password(std::string(1'025, 'a'), cheap);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::invalid_argument);
}

TEST_CASE("a stored hash that is none, or asks for all memory, fits nothing") {
  for (const char* hash :
       {"", "x", "$argon2id$", "$2y$10$abcdefghijklmnopqrstuv",
        "$argon2id$v=19$m=4294967295,t=2,p=1$c2FsdHNhbHQ$aGFzaA",
        "$argon2id$v=19$m=99999999999999999999,t=2,p=1$c2FsdHNhbHQ$aGFzaA"})
    CHECK_FALSE(is_password("correct horse", hash));
}

} // namespace shannon::gateway
