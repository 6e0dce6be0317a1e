#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/gateway/identity/identity.hpp"
#include "actors/gateway/limits/buckets.hpp"
#include "actors/gateway/routes/routes.hpp"
#include "config/settings.hpp"

#include <cstdint>
#include <vector>

/// How many requests a caller may make: which buckets a request takes a token
/// from, and what its answer says about them. Pure.
namespace shannon::gateway {

/// Of a counted route. Of a caller: its minute, hour and day, its tenant's
/// minute, its address' minute, and the route's own if it has one. Where nobody
/// is known yet: the route's for this address, and the address'.
std::vector<bucket> buckets_of(const route& line, const http_request& request,
                               const identity& who,
                               const config::http_settings& limits);

/// The headers that the answer to a counted request carries: to a caller those
/// of the contract, and to whoever asks the standard's, `RateLimit-Policy` and
/// `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10), with a line for each
/// bucket.
http_fields rate_fields(const route& line, const std::vector<bucket>& all,
                        const bucket_verdict& verdict, std::int64_t unix_now);

/// 429 in the contract's words, with Retry-After.
http_response too_many_answer(const route& line, const std::vector<bucket>& all,
                              const bucket_verdict& verdict,
                              std::int64_t unix_now);

/// For metrics: `caller`, `tenant`, `address` or `route`.
const char* kind_of(const bucket& what) noexcept;

} // namespace shannon::gateway
