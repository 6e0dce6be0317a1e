#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/gateway/text/json_text.hpp"
#include "protocols/errc.hpp"

#include <string>
#include <string_view>

namespace shannon::gateway {

/// The HTTP status that tells a client what an error means. The one place.
int status_of(errc code) noexcept;

/// `{"error": …}` with the status of the error's code, and Retry-After where
/// trying again helps. The one place that writes an error's body.
http_response error_answer(const error& why);
http_response error_answer(int status, std::string_view message);

/// A JSON body with a newline at its end.
http_response json_answer(int status, const json_out& body);

/// A text body as Go's http.Error writes it.
http_response text_answer(int status, std::string_view text);

/// As Go's http.Redirect writes it.
http_response redirect_answer(int status, const std::string& target);

} // namespace shannon::gateway
