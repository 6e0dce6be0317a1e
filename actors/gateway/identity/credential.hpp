#pragma once

#include "actors/gateway/http/http_message.hpp"

#include <cstdint>
#include <string>

namespace shannon::gateway {

/// What a request shows to be let in.
struct credential {
  enum class form : std::uint8_t {
    none,      ///< It shows nothing.
    api_key,   ///< Looks like an API key.
    token,     ///< Looks like an access token.
    malformed, ///< Is neither, or says two things at once.
  };
  form what = form::none;
  std::string text; ///< In its normal form.
};

/// Looks where a credential may be, in the order of the contract: X-API-Key,
/// Authorization: Bearer, and with `query_allowed` the query's `api_key`, then
/// its `token`, of a GET. The first place that has one counts. A field that
/// comes twice counts as malformed: another reader could take the other one.
credential credential_of(const http_request& request, bool query_allowed);

} // namespace shannon::gateway
