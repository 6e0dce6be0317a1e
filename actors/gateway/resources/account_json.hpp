#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/gateway/identity/identity.hpp"
#include "actors/gateway/text/json_text.hpp"
#include "protocols/accounts.hpp"

#include <tl/expected.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

/// Bodies of the routes about accounts and credentials: pure.
namespace shannon::gateway {

template <class T>
using read_body = tl::expected<T, http_response>;

/// `{"error": code, "message": text}`, as the auth routes say what is wrong.
http_response account_error(int status, std::string_view code,
                            std::string_view message);

struct key_request {
  std::string name;
  std::string description;
};

/// POST /api/v1/auth/api-keys.
read_body<key_request> read_key(const http_request& request,
                                std::uint32_t json_depth_max);

/// `refresh_token` of /api/v1/auth/refresh and /api/auth/refresh.
read_body<std::string> read_refresh(const http_request& request,
                                    std::uint32_t json_depth_max);

/// How somebody shows a provider's word for who they are: either its token, or
/// a code and where it was sent.
struct provider_request {
  std::string token;
  std::string code;
  std::string redirect_uri;
};

/// POST /api/v1/auth/register. `is_set_up` says which providers there are: one,
/// `google`, or none.
read_body<provider_request> read_provider(const http_request& request,
                                          std::uint32_t json_depth_max,
                                          bool is_set_up);

struct register_request {
  std::string email;
  std::string username;
  std::string password;
  std::string full_name;
  tenant_id tenant; ///< Empty: a new one.
};

/// POST /api/auth/register, on the admin port.
read_body<register_request> read_register(const http_request& request,
                                          std::uint32_t json_depth_max);

struct login_request {
  std::string email;
  std::string password;
};

/// POST /api/auth/login, on the admin port.
read_body<login_request> read_login(const http_request& request,
                                    std::uint32_t json_depth_max);

/// A key as a list shows it.
json_out key_json(const accounts::key_row& key,
                  std::chrono::system_clock::time_point now);

/// A key that was just made, with its text.
json_out made_key_json(const accounts::key_row& key, const std::string& text);

/// What who has just signed in is told, besides the tokens.
json_out entered_json(const accounts::account& who, const json_out& tokens,
                      const std::string& api_key, bool is_new,
                      const std::string& picture);

/// GET /api/v1/auth/me.
json_out me_json(const accounts::account& who);

/// `{"user": …}`.
json_out user_json(const accounts::account& who);

} // namespace shannon::gateway
