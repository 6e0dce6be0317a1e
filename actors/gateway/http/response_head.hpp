#pragma once

#include "actors/gateway/http/http_message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shannon::gateway {

/// How a response's end is found.
struct response_framing {
  /// Absent: chunked in HTTP/1.1, until the connection closes in HTTP/1.0.
  std::optional<std::uint64_t> content_length;
  bool http_1_1 = true;
  bool keep_alive = true;
};

/// Status line and header fields with their empty line. CORS fields and
/// X-Content-Type-Options stand in every response, errors included. No Server
/// field.
std::string response_head(const http_response& response,
                          const response_framing& framing,
                          std::string_view path, const std::string& origins,
                          std::string_view date);

/// `Mon, 02 Jan 2006 15:04:05 GMT`.
std::string http_date(std::int64_t unix_seconds);

} // namespace shannon::gateway
