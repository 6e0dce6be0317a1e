// S2: what is no token of ours, however much it looks like one. Each vector is
// signed with a real key unless it says otherwise, so that nothing but what it
// is about can be why it is refused.

#include "actors/gateway/identity/access_token.hpp"
#include "tests/identity/tokens.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace shannon::gateway {

namespace {

using namespace std::chrono_literals;
using namespace test;

constexpr auto leeway = 60'000ms;

result<token_claims> verify(const std::string& token,
                            std::chrono::system_clock::time_point now
                            = token_time) {
  return verify_token(token, test_issuer(), now, leeway);
}

std::string good() {
  return sign_token(test_issuer(), good_claims());
}

/// The n-th part of a token, from 0.
std::string part(const std::string& token, int number) {
  std::size_t from = 0;
  for (; number > 0; --number)
    from = token.find('.', from) + 1;
  return token.substr(from, token.find('.', from) - from);
}

std::int64_t seconds(std::chrono::seconds from_now) {
  return (token_time + from_now).time_since_epoch().count();
}

struct vector {
  const char* about;
  std::string token;
};

std::string header_text(const std::string& alg) {
  return R"({"alg":")" + alg + R"(","typ":"JWT","kid":"k2"})";
}

/// Claims in the text as given: for what no JSON library would write.
std::string with_body_text(const std::string& more) {
  auto body = good_body().dump();
  body.pop_back();
  return signed_text(good_header().dump(), body + "," + more + "}");
}

std::vector<vector> vectors() {
  auto body = good_body().dump();
  auto unsigned_part = part(good(), 0) + "." + part(good(), 1);
  auto none = [&](const char* alg) {
    return to_base64url(header_text(alg)) + "." + to_base64url(body) + ".";
  };
  auto issuer = test_issuer();
  // A public key, as text, is what a confused verifier takes for a secret.
  const std::string public_key = "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkq\n"
                                 "-----END PUBLIC KEY-----\n";
  return {
      {"alg none, without a signature", none("none")},
      {"alg None", none("None")},
      {"alg nOnE", none("nOnE")},
      {"alg none, with a good signature",
       signed_text(header_text("none"), body)},
      {"RS256 over an HMAC", signed_text(header_text("RS256"), body)},
      {"HS256 with a public key as secret",
       signed_text(header_text("HS256"), body, public_key)},
      {"HS512 over an HMAC of SHA-256",
       signed_text(header_text("HS512"), body)},
      {"alg in lower case", signed_text(header_text("hs256"), body)},
      {"alg is no text", with_header("alg", 256)},
      {"empty signature", unsigned_part + "."},
      {"no third part", unsigned_part},
      {"half a signature", good().substr(0, good().size() - 20)},
      {"kid is a path", with_header("kid", "../../dev/null")},
      {"kid is SQL", with_header("kid", "k2' union select 'x")},
      {"kid is a URL", with_header("kid", "https://evil.example/key")},
      {"no kid", signed_text(R"({"alg":"HS256","typ":"JWT"})", body)},
      {"kid of a key that was rotated out", with_header("kid", "k0")},
      {"kid of the other key", with_header("kid", "k1")},
      {"jku", with_header("jku", "https://evil.example/jwks.json")},
      {"x5u", with_header("x5u", "https://evil.example/cert.pem")},
      {"x5c", with_header("x5c", {"MIIB"})},
      {"embedded jwk",
       with_header("jwk", {{"kty", "oct"}, {"k", to_base64url(token_key)}})},
      {"critical header", with_header("crit", {"exp"})},
      {"critical header of an extension", with_header("crit", {"b64"})},
      {"zip", with_header("zip", "DEF")},
      {"typ of something else", with_header("typ", "at+jwt")},
      {"JWE: five parts",
       good() + "." + part(good(), 1) + "." + part(good(), 2)},
      {"JWE header", with_header("enc", "A256GCM")},
      {"exp missing", without_claim("exp")},
      {"exp 0", with_claim("exp", 0)},
      {"exp is a text", with_claim("exp", std::to_string(seconds(1h)))},
      {"exp 2^63", with_body_text(R"("x":1,"exp":9223372036854775808)")},
      // Counted in nanoseconds it would overflow.
      {"exp 2^53", with_claim("exp", 9'007'199'254'740'992)},
      {"exp is a fraction", with_claim("exp", 1.8e9 + 3'600.5)},
      {"exp is negative", with_claim("exp", -1)},
      {"expired beyond the leeway", with_claim("exp", seconds(-61s))},
      {"a lifetime of a week", with_claim("exp", seconds(24h * 7))},
      {"ends before it begins",
       [] {
         auto claims = good_body();
         claims["exp"] = seconds(10s);
         claims["iat"] = seconds(20s);
         return signed_text(good_header().dump(), claims.dump());
       }()},
      {"iat missing", without_claim("iat")},
      {"iat in the future", with_claim("iat", seconds(61s))},
      {"nbf in the future", with_claim("nbf", seconds(61s))},
      {"nbf is a text", with_claim("nbf", "now")},
      {"aud is a list with ours", with_claim("aud", {"shannon-api", "other"})},
      {"aud of somebody else", with_claim("aud", "other-api")},
      {"aud missing", without_claim("aud")},
      {"iss begins like ours",
       with_claim("iss", "shannon-platform.evil.example")},
      {"iss is ours but for its end", with_claim("iss", "shannon-platfor")},
      {"iss is a list", with_claim("iss", {"shannon-platform"})},
      {"iss missing", without_claim("iss")},
      {"sub missing", without_claim("sub")},
      {"sub empty", with_claim("sub", "")},
      {"tenant missing", without_claim("tenant_id")},
      {"jti missing", without_claim("jti")},
      {"scopes are a text", with_claim("scopes", "workflows:write")},
      {"epoch missing", without_claim("epoch")},
      {"a claim twice", with_body_text(R"("role":"owner")")},
      {"a header field twice",
       signed_text(R"({"alg":"none","alg":"HS256","kid":"k2"})", body)},
      {"a body that is no object", signed_text(good_header().dump(), "[1]")},
      {"a body that is no JSON", signed_text(good_header().dump(), "{")},
      {"nested deeply", with_body_text(R"("x":)" + std::string(400, '[')
                                       + std::string(400, ']'))},
      {"1 MB", with_claim("username", std::string(1'000'000, 'a'))},
      {"a bit over 8 KiB", with_claim("username", std::string(6'300, 'a'))},
      {"invalid base64 in the header", "!" + good()},
      {"base64 with padding",
       part(good(), 0) + "=." + part(good(), 1) + "." + part(good(), 2)},
      {"base64 of the other alphabet",
       unsigned_part + "." + std::string(42, '+') + "/"},
      {"a line feed at the end", good() + "\n"},
      {"a dot at the end", good() + "."},
      {"two dots at the end", good() + ".."},
      {"a dot at the beginning", "." + good()},
      {"nothing but dots", ".."},
      {"nothing", ""},
  };
}

} // namespace

TEST_CASE("what is no token of ours is refused") {
  auto all = vectors();
  CHECK(all.size() >= 40);
  for (const auto& [about, token] : all) {
    INFO(about);
    CHECK_FALSE(verify(token));
  }
}

TEST_CASE("a signature has one spelling") {
  auto token = good();
  // 32 bytes leave two bits of the last digit unused: they must be zero.
  auto digits = std::string{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
                            "wxyz0123456789-_"};
  REQUIRE(verify(token));
  auto last = digits.find(token.back());
  for (std::size_t spare = 1; spare < 4; ++spare) {
    token.back() = digits[last + spare];
    CHECK_FALSE(verify(token));
  }
}

TEST_CASE("a token says what was signed") {
  auto got = verify(good());
  REQUIRE(got);
  auto want = good_claims();
  CHECK(got->user == want.user);
  CHECK(got->tenant == want.tenant);
  CHECK(got->id == want.id);
  CHECK(got->email == want.email);
  CHECK(got->username == want.username);
  CHECK(got->role == want.role);
  CHECK(got->scopes == want.scopes);
  CHECK(got->epoch == want.epoch);
  CHECK(got->issued_at == want.issued_at);
  CHECK(got->expires_at == want.expires_at);
}

TEST_CASE("any single changed character makes a token invalid") {
  auto token = good();
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    INFO(i);
    CHECK_FALSE(verify(changed));
  }
}

TEST_CASE("clocks may be apart by the leeway and no further") {
  auto end = good_claims().expires_at;
  CHECK(verify(good(), end + 59s));
  CHECK_FALSE(verify(good(), end + 60s));
  CHECK(verify(good(), token_time - 60s));
  CHECK_FALSE(verify(good(), token_time - 61s));
}

TEST_CASE("tokens of both keys are good while keys are rotated") {
  auto older = test_issuer();
  older.signs = "k1";
  auto token = sign_token(older, good_claims());
  CHECK(verify(token));
  // Rotated out: the same token opens nothing.
  auto after = test_issuer();
  after.keys.erase("k1");
  CHECK_FALSE(verify_token(token, after, token_time, leeway));
}

TEST_CASE("a key of less than 32 bytes verifies nothing") {
  token_issuer weak{
      "shannon-platform", "shannon-api", {{"k2", std::string(31, 'k')}}, "k2"};
  auto token = sign_token(weak, good_claims());
  CHECK_FALSE(verify_token(token, weak, token_time, leeway));
}

} // namespace shannon::gateway
