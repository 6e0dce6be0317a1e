#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/gateway/text/json_text.hpp"

namespace shannon::gateway {

/// The public surface as OpenAPI 3.1, made from the route table and
/// `schemas.json`. Pure.
json_out openapi_document();

/// GET /openapi.json; the document is made once.
http_response openapi_answer();

} // namespace shannon::gateway
