#pragma once

#include "protocols/errc.hpp"
#include "protocols/ids.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::gateway {

/// Who signs access tokens, and for whom. One algorithm, HS256: what a token's
/// header says is compared with it, never followed.
struct token_issuer {
  std::string name;     ///< `iss`.
  std::string audience; ///< `aud`.
  /// By `kid`, which is a key of this map and nothing else. Two while they are
  /// rotated: tokens of either are taken, `signs` makes new ones.
  std::map<std::string, std::string> keys;
  std::string signs;
};

/// Shorter ones can be guessed; a node does not start with them.
inline constexpr std::size_t token_key_bytes_min = 32;

/// No token is good for longer, whatever it says.
inline constexpr std::chrono::hours token_lifetime_max{24};

struct token_claims {
  user_id user;     ///< `sub`.
  tenant_id tenant; ///< `tenant_id`.
  std::string id;   ///< `jti`.
  std::string username;
  std::string email;
  std::string role;
  std::vector<std::string> scopes;
  /// Of the user when it was signed: it is over when the user's has grown.
  std::int64_t epoch = 0;
  std::chrono::sys_seconds issued_at;  ///< `iat`, and `nbf`.
  std::chrono::sys_seconds expires_at; ///< `exp`.
};

/// Signs with the issuer's key.
std::string sign_token(const token_issuer& by, const token_claims& claims);

/// Believes a token, or says why not: for the log of tests, not for a client.
/// Strict where RFC 7515, 7519 and 8725 leave a choice: header fields are
/// `alg`, `typ` and `kid`, nothing is looked up elsewhere, and nothing is said
/// twice.
result<token_claims> verify_token(std::string_view text, const token_issuer& by,
                                  std::chrono::system_clock::time_point now,
                                  std::chrono::milliseconds leeway);

} // namespace shannon::gateway
