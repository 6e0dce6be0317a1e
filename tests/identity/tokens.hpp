#pragma once

#include "actors/gateway/identity/access_token.hpp"
#include "actors/gateway/identity/digest.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <string>

namespace shannon::test {

/// The moment of all tokens here.
inline constexpr std::chrono::sys_seconds token_time{
    std::chrono::seconds{1'800'000'000}};

inline const std::string token_key(32, 'k');
inline const std::string older_token_key(32, 'o');

inline gateway::token_issuer test_issuer() {
  return {"shannon-platform",
          "shannon-api",
          {{"k2", token_key}, {"k1", older_token_key}},
          "k2"};
}

inline gateway::token_claims good_claims() {
  gateway::token_claims out;
  out.user = user_id{"00000000-0000-0000-0000-0000000000aa"};
  out.tenant = tenant_id{"00000000-0000-0000-0000-0000000000bb"};
  out.id = "jti-1";
  out.username = "ann";
  out.email = "ann@example.org";
  out.role = "user";
  out.scopes = {"workflows:read"};
  out.epoch = 3;
  out.issued_at = token_time;
  out.expires_at = token_time + std::chrono::hours{1};
  return out;
}

/// Signed as asked, whatever it says.
inline std::string signed_text(const std::string& header,
                               const std::string& body,
                               const std::string& key = token_key) {
  auto text = gateway::to_base64url(header) + "." + gateway::to_base64url(body);
  return text + "." + gateway::to_base64url(gateway::hmac_sha256(key, text));
}

inline nlohmann::json good_header() {
  return {{"alg", "HS256"}, {"typ", "JWT"}, {"kid", "k2"}};
}

inline nlohmann::json good_body() {
  auto now = token_time.time_since_epoch().count();
  return {{"iss", "shannon-platform"},
          {"aud", "shannon-api"},
          {"sub", "00000000-0000-0000-0000-0000000000aa"},
          {"tenant_id", "00000000-0000-0000-0000-0000000000bb"},
          {"jti", "jti-1"},
          {"role", "user"},
          {"scopes", {"workflows:read"}},
          {"epoch", 3},
          {"iat", now},
          {"nbf", now},
          {"exp", now + 3'600}};
}

/// With one field of the header, or of the body, set to something else.
inline std::string with_header(const char* name, nlohmann::json value) {
  auto header = good_header();
  header[name] = std::move(value);
  return signed_text(header.dump(), good_body().dump());
}

inline std::string with_claim(const char* name, nlohmann::json value) {
  auto body = good_body();
  body[name] = std::move(value);
  return signed_text(good_header().dump(), body.dump());
}

inline std::string without_claim(const char* name) {
  auto body = good_body();
  body.erase(name);
  return signed_text(good_header().dump(), body.dump());
}

} // namespace shannon::test
