#include "actors/gateway/identity/api_key.hpp"
#include "actors/gateway/identity/digest.hpp"
#include "actors/kit/bytes_text.hpp"

#include <catch2/catch.hpp>

#include <set>
#include <string>

namespace shannon::gateway {

namespace {

const std::string pepper(32, 'p');

bool is_hex(const std::string& text) {
  return text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

} // namespace

TEST_CASE("a key has the form of the contract: sk_ and 64 hex digits") {
  auto made = make_api_key(pepper);
  CHECK(made.text.size() == 67);
  CHECK(made.text.starts_with("sk_"));
  CHECK(is_hex(made.text.substr(3)));
  CHECK(made.kept.prefix == made.text.substr(0, 8));
  CHECK(made.kept.id.size() == 36);
}

TEST_CASE("a key is found by its public part, and known by a digest under "
          "the pepper") {
  auto made = make_api_key(pepper);
  auto read = parse_api_key(made.text);
  REQUIRE(read);
  CHECK(read->lookup == made.text.substr(3, 16));
  CHECK(read->lookup == made.kept.lookup);
  CHECK(digest_of(*read, pepper) == made.kept.digest);
  CHECK(digest_of(*read, std::string(32, 'q')) != made.kept.digest);
  CHECK(made.kept.digest.find(made.text.substr(19, 40)) == std::string::npos);
}

TEST_CASE("a key with one digit changed is another key") {
  auto made = make_api_key(pepper);
  for (std::size_t i = 3; i < made.text.size(); ++i) {
    auto other = made.text;
    other[i] = other[i] == '0' ? '1' : '0';
    auto read = parse_api_key(other);
    INFO(i);
    // Its check does not fit: it is looked for where no key of ours is.
    REQUIRE(read);
    CHECK(read->lookup.starts_with("h"));
    CHECK(digest_of(*read, pepper) != made.kept.digest);
  }
}

TEST_CASE("a key of the reference platform is found by its hash") {
  for (const auto& text :
       {std::string{"sk_test_123456"}, "sk_" + std::string(64, 'a')}) {
    auto read = parse_api_key(text);
    REQUIRE(read);
    CHECK(read->hash == sha256(text));
    CHECK(read->lookup
          == "h" + shannon::kit::to_hex(sha256(text)).substr(0, 16));
  }
}

TEST_CASE("what cannot be an API key is none") {
  auto key = make_api_key(pepper).text;
  for (const auto& text :
       {std::string{}, std::string{"sk_"}, std::string{"sk_1234"},
        std::string{"SK_test_123456"}, std::string{"pk_test_123456"}, " " + key,
        key + " ", key + "\n", key + std::string(1, '\0'),
        // A Cyrillic es, a fullwidth underscore, a zero-width blank.
        "\xd1\x95" + key.substr(1), "sk\xef\xbc\xbf" + key.substr(3),
        key.substr(0, 10) + "\xe2\x80\x8b" + key.substr(10),
        "sk_" + std::string(126, 'a')}) {
    INFO(text);
    CHECK_FALSE(parse_api_key(text));
  }
}

TEST_CASE("sk-shannon- before a key is another spelling of sk_") {
  CHECK(normal_credential("sk-shannon-abc123") == "sk_abc123");
  CHECK(normal_credential("sk-shannon-sk_abc123") == "sk_abc123");
  CHECK(normal_credential("sk_abc123") == "sk_abc123");
  CHECK(normal_credential("sk-other-abc") == "sk-other-abc");
}

TEST_CASE("no two keys are alike") {
  std::set<std::string> keys;
  std::set<std::string> lookups;
  for (int i = 0; i < 1'000; ++i) {
    auto made = make_api_key(pepper);
    keys.insert(made.text);
    lookups.insert(made.kept.lookup);
  }
  CHECK(keys.size() == 1'000);
  CHECK(lookups.size() == 1'000);
}

TEST_CASE("base64 for URLs is read as it is written, and in no other way") {
  for (std::size_t size = 0; size < 70; ++size) {
    auto bytes = random_bytes(size);
    std::string back;
    REQUIRE(from_base64url(to_base64url(bytes), back));
    CHECK(back == bytes);
  }
  std::string out;
  CHECK_FALSE(from_base64url("a", out));
  CHECK_FALSE(from_base64url("YQ==", out));
  CHECK_FALSE(from_base64url("YR", out)); // Spare bits are not zero.
  CHECK_FALSE(from_base64url("Y+", out));
  CHECK_FALSE(from_base64url("Y Q", out));
}

} // namespace shannon::gateway
