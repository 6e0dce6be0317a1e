#include "actors/gateway/identity/access_token.hpp"

#include "actors/gateway/identity/digest.hpp"
#include "actors/gateway/identity/strict_json.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace shannon::gateway {

namespace {

using json = nlohmann::json;
using namespace std::chrono_literals;

constexpr std::string_view algorithm = "HS256";
/// Nested deeper, it is no token of ours.
constexpr int depth_max = 3;
constexpr std::size_t text_max = 512;
constexpr std::size_t scopes_max = 64;
/// 2^53: the largest whole number that every reader of JSON reads alike.
constexpr std::int64_t seconds_max = 9'007'199'254'740'992;

tl::unexpected<error> refuse(const char* why) {
  return fail(errc::denied, why);
}

/// A text that is there and not empty.
bool read(const json& from, const char* name, std::string& out) {
  auto at = from.find(name);
  if (at == from.end() || !at->is_string())
    return false;
  out = at->get<std::string>();
  return !out.empty() && out.size() <= text_max;
}

/// A whole number that is there, written as one, and not below 0.
bool read(const json& from, const char* name, std::int64_t& out) {
  auto at = from.find(name);
  if (at == from.end() || !at->is_number_unsigned())
    return false;
  auto value = at->get<std::uint64_t>();
  if (value > static_cast<std::uint64_t>(seconds_max))
    return false;
  out = static_cast<std::int64_t>(value);
  return true;
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
  if (!read(header, "alg", alg) || alg != algorithm
      || !read(header, "kid", kid))
    return nullptr;
  if (auto typ = header.find("typ"); typ != header.end() && *typ != "JWT")
    return nullptr;
  auto found = by.keys.find(kid);
  return found == by.keys.end() || found->second.size() < token_key_bytes_min
             ? nullptr
             : &found->second;
}

std::chrono::sys_seconds moment(std::int64_t seconds) {
  return std::chrono::sys_seconds{std::chrono::seconds{seconds}};
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
  if (text.size() > token_bytes_max)
    return refuse("too long");
  auto first = text.find('.');
  auto second = text.find('.', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos
      || text.find('.', second + 1) != std::string_view::npos)
    return refuse("not three parts");
  std::string header_text;
  std::string body_text;
  std::string signature;
  if (!from_base64url(text.substr(0, first), header_text)
      || !from_base64url(text.substr(first + 1, second - first - 1), body_text)
      || !from_base64url(text.substr(second + 1), signature))
    return refuse("not base64url");

  const auto* key = key_of(strict_object(header_text, depth_max), by);
  // Without a key the work is the same, and the answer no.
  static const std::string no_key(token_key_bytes_min, '\0');
  auto expected = hmac_sha256(key ? *key : no_key, text.substr(0, second));
  if (!same_digest(expected, signature) || !key)
    return refuse("header or signature");

  auto body = strict_object(body_text, depth_max);
  token_claims out;
  std::string name;
  std::string audience;
  if (!read(body, "iss", name) || name != by.name)
    return refuse("iss");
  if (!read(body, "aud", audience) || audience != by.audience)
    return refuse("aud");
  if (!read(body, "sub", out.user.value)
      || !read(body, "tenant_id", out.tenant.value)
      || !read(body, "jti", out.id) || !read(body, "role", out.role))
    return refuse("sub, tenant_id, jti or role");
  if (!read_scopes(body, out.scopes) || !read(body, "epoch", out.epoch))
    return refuse("scopes or epoch");
  read(body, "username", out.username);
  read(body, "email", out.email);

  std::int64_t issued = 0;
  std::int64_t begins = 0;
  std::int64_t expires = 0;
  if (!read(body, "iat", issued) || !read(body, "exp", expires))
    return refuse("iat or exp");
  if (body.contains("nbf") && !read(body, "nbf", begins))
    return refuse("nbf");
  out.issued_at = moment(issued);
  out.expires_at = moment(expires);
  // Not in the clock's own unit: nanoseconds end in the year 2262.
  auto at = std::chrono::floor<std::chrono::milliseconds>(now);
  if (out.expires_at + leeway <= at)
    return refuse("expired");
  if (out.issued_at > at + leeway || moment(begins) > at + leeway)
    return refuse("not yet");
  if (out.expires_at <= out.issued_at
      || out.expires_at - out.issued_at > token_lifetime_max)
    return refuse("lifetime");
  return out;
}

} // namespace shannon::gateway
