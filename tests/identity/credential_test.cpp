#include "actors/gateway/identity/credential.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace shannon::gateway {

namespace {

using enum credential::form;

const std::string key = "sk_test_123456";
const std::string other = "sk_test_654321";
const std::string jwt = "aaa.bbb.ccc";

http_request request(http_fields fields, std::string query = {},
                     std::string method = "GET") {
  http_request out;
  out.method = std::move(method);
  out.path = "/api/v1/stream/sse";
  out.query = std::move(query);
  out.fields = std::move(fields);
  return out;
}

credential shown(http_fields fields, std::string query = {},
                 bool query_allowed = true) {
  return credential_of(request(std::move(fields), std::move(query)),
                       query_allowed);
}

} // namespace

TEST_CASE("X-API-Key comes before Authorization, and that before the query") {
  CHECK(shown({{"authorization", "Bearer " + other}, {"x-api-key", key}},
              "api_key=sk_query_1")
            .text
        == key);
  CHECK(shown({{"authorization", "Bearer " + other}}, "api_key=sk_query_1").text
        == other);
  CHECK(shown({}, "token=sk_query_22&api_key=sk_query_1").text == "sk_query_1");
  CHECK(shown({}, "token=sk_query_22").text == "sk_query_22");
}

TEST_CASE("a credential is a token if it has dots, else an API key") {
  CHECK(shown({{"authorization", "Bearer " + jwt}}).what == token);
  CHECK(shown({{"authorization", "Bearer " + key}}).what == api_key);
  CHECK(shown({{"x-api-key", jwt}}).what == token);
  CHECK(shown({{"x-api-key", "sk-shannon-test_123456"}}).text == key);
  CHECK(shown({{"x-api-key", "password"}}).what == malformed);
  CHECK(shown({{"x-api-key", "sk_"}}).what == malformed);
  CHECK(shown({{"x-api-key", "\xd1\x95k_test_123456"}}).what == malformed);
}

TEST_CASE("Bearer is read in any case, and with exactly one blank") {
  for (const char* scheme : {"Bearer", "bearer", "BEARER", "bEaReR"})
    CHECK(shown({{"authorization", scheme + (" " + key)}}).what == api_key);
  for (const auto& field :
       {std::string{"Bearer"}, std::string{"Bearer "}, "Bearer  " + key,
        "Bearer " + key + " x", "Basic " + key, "Bearer\t" + key, key,
        "Bearer:" + key, "BearerX " + key})
    CHECK(shown({{"authorization", field}}).what == none);
}

TEST_CASE("an empty X-API-Key says nothing") {
  CHECK(shown({{"x-api-key", ""}, {"authorization", "Bearer " + key}}).text
        == key);
}

TEST_CASE("a field that comes twice is no credential") {
  CHECK(shown({{"x-api-key", key}, {"x-api-key", key}}).what == malformed);
  CHECK(shown({{"authorization", "Bearer " + key},
               {"authorization", "Bearer " + other}})
            .what
        == malformed);
  CHECK(shown({{"x-api-key", key},
               {"authorization", "Bearer " + key},
               {"authorization", "Bearer " + other}})
            .what
        == malformed);
}

TEST_CASE("a credential in the query counts only for GET of a stream") {
  CHECK(shown({}, "api_key=" + key, false).what == none);
  CHECK(credential_of(request({}, "api_key=" + key, "POST"), true).what
        == none);
  CHECK(shown({}, "api_key=" + key).what == api_key);
  CHECK(shown({}, "api_key=%zz").what == malformed);
}

} // namespace shannon::gateway
