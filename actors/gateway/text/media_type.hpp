#pragma once

#include "actors/gateway/http/http_message.hpp"

#include <optional>

namespace shannon::gateway {

/// 415 for a body that says it is clearly something else than JSON (XML, a
/// form with parts, an image) or that is compressed. What is absent, unknown
/// or what curl sends by default passes: the body itself decides.
std::optional<http_response> check_media_type(const http_request& request);

} // namespace shannon::gateway
