#pragma once

#include "actors/gateway/routes/routes.hpp"
#include "actors/gateway/text/json_text.hpp"

namespace shannon::gateway {

/// `responses` of a route in the OpenAPI document: for each status its body, in
/// the words of the route's surface, and the headers that come with it. Pure.
json_out answers_of(const route& line);

/// `components.headers`: what those answers refer to.
json_out header_components();

} // namespace shannon::gateway
