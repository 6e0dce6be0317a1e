#pragma once

#include "protocols/errc.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>

/// What Google says of a person who signs in: OpenID Connect Core 1.0. Pure.
namespace shannon::gateway {

/// One that tokens are verified with: RSA, 2,048 to 8,192 bits.
class rsa_key;
using rsa_key_ptr = std::shared_ptr<const rsa_key>;

/// By `kid`, which is a key of this map and nothing else.
using google_key_set = std::map<std::string, rsa_key_ptr>;

/// Reads a JWK Set (RFC 7517). Keys that are not for RS256 signatures are left
/// out; at most 16 are kept. `failed` if it is none, or no key is left.
result<google_key_set> parse_google_keys(std::string_view text);

/// The `kid` of a token's header; empty if there is none.
std::string key_id_of(std::string_view token);

struct google_person {
  std::string subject; ///< `sub`: who it is, whatever the address becomes.
  std::string email;   ///< Verified by Google.
  std::string name;    ///< May be empty.
  std::string picture; ///< An address; may be empty.
};

/// Believes an ID token, or says why not: `denied`, for the log of tests, not
/// for a client. RS256 alone, by this key; no other field of the header is
/// followed. `aud` must be `client` and nothing else, and the address verified.
result<google_person>
verify_google_token(std::string_view text, const rsa_key& key,
                    const std::string& client,
                    std::chrono::system_clock::time_point now,
                    std::chrono::milliseconds leeway);

/// How long an answer may be kept, by its Cache-Control and Age fields; 0 if
/// they do not say.
std::chrono::seconds good_for(std::string_view cache_control,
                              std::string_view age);

} // namespace shannon::gateway
