#include "actors/gateway/resources/account_json.hpp"

#include "actors/gateway/identity/password.hpp"
#include "actors/gateway/identity/strict_json.hpp"
#include "actors/gateway/limits/tiers.hpp"
#include "actors/gateway/text/answers.hpp"
#include "actors/gateway/text/identifiers.hpp"
#include "actors/gateway/text/json_fields.hpp"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace shannon::gateway {

namespace {

constexpr std::size_t key_name_max = 100;
constexpr std::size_t description_max = 1'000;
constexpr std::size_t text_max = 256;
constexpr std::size_t code_bytes_max = 2'048;
constexpr std::size_t uri_bytes_max = 2'048;

tl::unexpected<http_response> wrong(std::string_view message) {
  return tl::unexpected<http_response>{
      account_error(400, "invalid_request", message)};
}

/// As the admin port says it: one field.
tl::unexpected<http_response> plain_wrong(std::string_view message) {
  return tl::unexpected<http_response>{error_answer(400, message)};
}

/// Reads texts into their places; absent ones stay empty. The first that is
/// no text is named.
result<void>
read_texts(const http_request& request, std::uint32_t json_depth_max,
           std::initializer_list<std::pair<const char*, std::string*>> wanted) {
  auto body = body_object(request, json_depth_max);
  if (!body)
    return tl::unexpected<error>{body.error()};
  if (strict_object(request.body, static_cast<int>(json_depth_max)).is_null())
    return fail(errc::invalid_argument,
                "expected one JSON object that says nothing twice");
  for (const auto& [name, place] : wanted) {
    auto text = read_string(*body, name, "");
    if (!text)
      return tl::unexpected<error>{text.error()};
    *place = text->value_or("");
  }
  return {};
}

/// Enough to tell an address from a slip; whether somebody reads it, only a
/// letter could tell.
bool is_address(const std::string& text) {
  auto at = text.find('@');
  return at != std::string::npos && at > 0 && at + 1 < text.size()
         && text.find('@', at + 1) == std::string::npos
         && text.size() <= text_max
         && std::all_of(text.begin(), text.end(),
                        [](unsigned char c) { return c > ' ' && c != 127; });
}

json_out rates(const tier_limits& limits) {
  auto rate = [](std::uint32_t limit) {
    json_out one;
    one["limit"] = limit;
    one["remaining"] = limit;
    return one;
  };
  json_out out;
  out["minute"] = rate(limits.minute);
  out["hour"] = rate(limits.hour);
  return out;
}

json_out quotas(const tier_limits& limits) {
  json_out out;
  // No plan has a monthly bound on tokens: 0 says so.
  out["monthly_tokens"] = 0;
  out["monthly_usage"] = 0;
  out["rate_limit_minute"] = limits.minute;
  out["rate_limit_hour"] = limits.hour;
  return out;
}

} // namespace

http_response account_error(int status, std::string_view code,
                            std::string_view message) {
  json_out body;
  body["error"] = code;
  body["message"] = message;
  return json_answer(status, body);
}

read_body<key_request> read_key(const http_request& request,
                                std::uint32_t json_depth_max) {
  key_request out;
  auto read
      = read_texts(request, json_depth_max,
                   {{"name", &out.name}, {"description", &out.description}});
  if (!read)
    return wrong(read.error().text);
  if (out.name.empty())
    return wrong("Name is required");
  if (out.name.size() > key_name_max)
    return wrong("Name must be 100 characters or less");
  if (out.description.size() > description_max)
    return wrong("Description must be 1000 characters or less");
  return out;
}

read_body<std::string> read_refresh(const http_request& request,
                                    std::uint32_t json_depth_max) {
  std::string token;
  auto read = read_texts(request, json_depth_max, {{"refresh_token", &token}});
  if (!read)
    return wrong(read.error().text);
  if (token.empty())
    return wrong("refresh_token is required");
  return token;
}

read_body<provider_request> read_provider(const http_request& request,
                                          std::uint32_t json_depth_max,
                                          bool is_set_up) {
  std::string provider;
  provider_request out;
  auto read = read_texts(request, json_depth_max,
                         {{"provider", &provider},
                          {"token", &out.token},
                          {"code", &out.code},
                          {"redirect_uri", &out.redirect_uri}});
  if (!read)
    return wrong(read.error().text);
  if (provider.empty())
    return wrong("provider is required");
  if (provider != "google" || !is_set_up)
    return tl::unexpected<http_response>{account_error(
        400, "unsupported_provider",
        provider == "google" ? "Sign-in with google is not set up here: use an "
                               "API key, or an account of the admin port"
                             : "Only google is supported")};
  if (out.token.empty() == out.code.empty())
    return wrong("token, or code and redirect_uri, is required");
  if (!out.code.empty() && out.redirect_uri.empty())
    return wrong("redirect_uri is required with code");
  if (out.code.size() > code_bytes_max
      || out.redirect_uri.size() > uri_bytes_max)
    return wrong("code and redirect_uri must be 2048 bytes or less");
  return out;
}

read_body<register_request> read_register(const http_request& request,
                                          std::uint32_t json_depth_max) {
  register_request out;
  auto read = read_texts(request, json_depth_max,
                         {{"email", &out.email},
                          {"username", &out.username},
                          {"password", &out.password},
                          {"full_name", &out.full_name},
                          {"tenant_id", &out.tenant.value}});
  if (!read)
    return plain_wrong(read.error().text);
  if (out.email.empty() || out.username.empty() || out.password.empty()
      || out.full_name.empty())
    return plain_wrong("missing required fields");
  if (!is_address(out.email))
    return plain_wrong("email is not an address");
  if (out.username.size() > text_max || out.full_name.size() > text_max)
    return plain_wrong("username and full_name must be 256 bytes or less");
  if (out.password.size() < password_bytes_min
      || out.password.size() > password_bytes_max)
    return plain_wrong("password must be 8 to 1024 bytes long");
  if (!out.tenant.empty() && !is_uuid(out.tenant.value))
    return plain_wrong("tenant_id is not a UUID");
  return out;
}

read_body<login_request> read_login(const http_request& request,
                                    std::uint32_t json_depth_max) {
  login_request out;
  auto read = read_texts(request, json_depth_max,
                         {{"email", &out.email}, {"password", &out.password}});
  if (!read)
    return plain_wrong(read.error().text);
  if (out.email.empty() || out.password.empty())
    return plain_wrong("missing email or password");
  return out;
}

json_out key_json(const accounts::key_row& key,
                  std::chrono::system_clock::time_point now) {
  json_out out;
  out["id"] = key.id;
  out["name"] = key.name;
  out["key_prefix"] = key.prefix;
  if (!key.description.empty())
    out["description"] = key.description;
  out["created_at"] = timestamp(key.created_at);
  if (key.last_used_at)
    out["last_used_at"] = timestamp(*key.last_used_at);
  if (key.expires_at)
    out["expires_at"] = timestamp(*key.expires_at);
  out["scopes"] = key.scopes;
  out["is_active"]
      = !key.revoked_at && (!key.expires_at || *key.expires_at > now);
  return out;
}

json_out made_key_json(const accounts::key_row& key, const std::string& text) {
  json_out out;
  out["id"] = key.id;
  out["name"] = key.name;
  out["api_key"] = text;
  out["key_prefix"] = key.prefix;
  out["created_at"] = timestamp(key.created_at);
  out["warning"] = "Store this API key securely. It will not be shown again.";
  return out;
}

json_out entered_json(const accounts::account& who, const json_out& tokens,
                      const std::string& api_key, bool is_new,
                      const std::string& picture) {
  json_out out;
  out["user_id"] = who.user.value;
  out["tenant_id"] = who.tenant.value;
  for (const auto& [name, value] : tokens.items())
    out[name] = value;
  out["api_key"] = api_key;
  out["tier"] = who.tier;
  out["is_new_user"] = is_new;
  out["quotas"] = quotas(limits_of(who.tier));
  json_out user;
  user["email"] = who.email;
  user["username"] = who.username;
  if (!who.name.empty())
    user["name"] = who.name;
  if (!picture.empty())
    user["picture"] = picture;
  out["user"] = std::move(user);
  return out;
}

json_out me_json(const accounts::account& who) {
  auto limits = limits_of(who.tier);
  json_out out;
  out["user_id"] = who.user.value;
  out["tenant_id"] = who.tenant.value;
  out["email"] = who.email;
  out["username"] = who.username;
  if (!who.name.empty())
    out["name"] = who.name;
  out["tier"] = who.tier;
  out["quotas"] = quotas(limits);
  out["rate_limits"] = rates(limits);
  return out;
}

json_out user_json(const accounts::account& who) {
  json_out user;
  user["id"] = who.user.value;
  user["email"] = who.email;
  user["username"] = who.username;
  user["tenant_id"] = who.tenant.value;
  user["role"] = who.role;
  json_out out;
  out["user"] = std::move(user);
  return out;
}

} // namespace shannon::gateway
