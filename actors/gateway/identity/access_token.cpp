#include "actors/gateway/identity/access_token.hpp"

#include "actors/gateway/identity/digest.hpp"
#include "actors/gateway/identity/token_parts.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace shannon::gateway {

namespace {

using json = nlohmann::json;
using namespace std::chrono_literals;

constexpr std::string_view algorithm = "HS256";
constexpr std::size_t text_max = 512;
constexpr std::size_t scopes_max = 64;

tl::unexpected<error> refuse(const char* why) {
  return fail(errc::denied, why);
}

bool read_scopes(const json& from, std::vector<std::string>& out) {
  auto at = from.find("scopes");
  if (at == from.end() || !at->is_array() || at->size() > scopes_max)
    return false;
  for (const auto& one : *at) {
    if (!one.is_string() || one.get_ref<const std::string&>().size() > text_max)
      return false;
    out.push_back(one.get<std::string>());
  }
  return true;
}

/// The key that the header names, or null.
const std::string* key_of(const json& header, const token_issuer& by) {
  for (const auto& field : header.items())
    if (field.key() != "alg" && field.key() != "typ" && field.key() != "kid")
      return nullptr;
  std::string alg;
  std::string kid;
  if (!read_claim(header, "alg", alg) || alg != algorithm
      || !read_claim(header, "kid", kid))
    return nullptr;
  if (auto typ = header.find("typ"); typ != header.end() && *typ != "JWT")
    return nullptr;
  auto found = by.keys.find(kid);
  return found == by.keys.end() || found->second.size() < token_key_bytes_min
             ? nullptr
             : &found->second;
}

} // namespace

std::string sign_token(const token_issuer& by, const token_claims& claims) {
  json header{{"alg", algorithm}, {"typ", "JWT"}, {"kid", by.signs}};
  auto issued = claims.issued_at.time_since_epoch().count();
  json body{{"iss", by.name},
            {"aud", by.audience},
            {"sub", claims.user.value},
            {"tenant_id", claims.tenant.value},
            {"jti", claims.id},
            {"username", claims.username},
            {"email", claims.email},
            {"role", claims.role},
            {"scopes", claims.scopes},
            {"epoch", claims.epoch},
            {"iat", issued},
            {"nbf", issued},
            {"exp", claims.expires_at.time_since_epoch().count()}};
  auto text = to_base64url(header.dump()) + "." + to_base64url(body.dump());
  return text + "." + to_base64url(hmac_sha256(by.keys.at(by.signs), text));
}

result<token_claims> verify_token(std::string_view text, const token_issuer& by,
                                  std::chrono::system_clock::time_point now,
                                  std::chrono::milliseconds leeway) {
  auto parts = split_token(text);
  if (!parts)
    return tl::unexpected<error>{std::move(parts.error())};

  const auto* key = key_of(parts->header, by);
  // Without a key the work is the same, and the answer no.
  static const std::string no_key(token_key_bytes_min, '\0');
  auto expected = hmac_sha256(key ? *key : no_key, parts->signed_);
  if (!same_digest(expected, parts->signature) || !key)
    return refuse("header or signature");

  const auto& body = parts->body;
  token_claims out;
  std::string name;
  std::string audience;
  if (!read_claim(body, "iss", name) || name != by.name)
    return refuse("iss");
  if (!read_claim(body, "aud", audience) || audience != by.audience)
    return refuse("aud");
  if (!read_claim(body, "sub", out.user.value)
      || !read_claim(body, "tenant_id", out.tenant.value)
      || !read_claim(body, "jti", out.id)
      || !read_claim(body, "role", out.role))
    return refuse("sub, tenant_id, jti or role");
  if (!read_scopes(body, out.scopes) || !read_claim(body, "epoch", out.epoch))
    return refuse("scopes or epoch");
  read_claim(body, "username", out.username);
  read_claim(body, "email", out.email);

  std::int64_t issued = 0;
  std::int64_t begins = 0;
  std::int64_t expires = 0;
  if (!read_claim(body, "iat", issued) || !read_claim(body, "exp", expires))
    return refuse("iat or exp");
  if (body.contains("nbf") && !read_claim(body, "nbf", begins))
    return refuse("nbf");
  out.issued_at = moment_of(issued);
  out.expires_at = moment_of(expires);
  // Not in the clock's own unit: nanoseconds end in the year 2262.
  auto at = std::chrono::floor<std::chrono::milliseconds>(now);
  if (out.expires_at + leeway <= at)
    return refuse("expired");
  if (out.issued_at > at + leeway || moment_of(begins) > at + leeway)
    return refuse("not yet");
  if (out.expires_at <= out.issued_at
      || out.expires_at - out.issued_at > token_lifetime_max)
    return refuse("lifetime");
  return out;
}

} // namespace shannon::gateway
