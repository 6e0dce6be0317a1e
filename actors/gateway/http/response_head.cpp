#include "actors/gateway/http/response_head.hpp"

#include <ctime>

namespace shannon::gateway {

namespace {

constexpr std::string_view stream_prefix = "/api/v1/stream/";

constexpr std::string_view cors_rest
    = "Access-Control-Allow-Headers: Content-Type, Authorization, X-API-Key, "
      "X-User-Id, Idempotency-Key, traceparent, tracestate, Cache-Control, "
      "Last-Event-ID, If-Match\r\n"
      "Access-Control-Expose-Headers: X-RateLimit-Limit-Minute, "
      "X-RateLimit-Remaining-Minute, X-RateLimit-Limit-Hour, "
      "X-RateLimit-Remaining-Hour, X-RateLimit-Reset, RateLimit-Policy, "
      "RateLimit, Retry-After, X-Trace-Id, X-Span-Id, "
      "X-Session-ID, X-Shannon-Session-ID, X-Workflow-ID, ETag\r\n"
      "Access-Control-Max-Age: 3600\r\n"
      "X-Content-Type-Options: nosniff\r\n";

} // namespace

std::string response_head(const http_response& response,
                          const response_framing& framing,
                          std::string_view path, const std::string& origins,
                          std::string_view date) {
  std::string text;
  text.reserve(1'024);
  text += framing.http_1_1 ? "HTTP/1.1 " : "HTTP/1.0 ";
  text += std::to_string(response.status);
  text += ' ';
  text += reason_phrase(response.status);
  text += "\r\nDate: ";
  text += date;
  text += "\r\nAccess-Control-Allow-Origin: ";
  text += origins;
  text += path.substr(0, stream_prefix.size()) == stream_prefix
              ? "\r\nAccess-Control-Allow-Methods: GET, OPTIONS\r\n"
              : "\r\nAccess-Control-Allow-Methods: GET, POST, PUT, PATCH, "
                "DELETE, OPTIONS\r\n";
  text += cors_rest;
  bool connection_named = false;
  for (const auto& [name, value] : response.fields) {
    connection_named = connection_named || name == "Connection";
    text += name;
    text += ": ";
    // What came from a client must not end the line.
    for (char c : value)
      text += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
    text += "\r\n";
  }
  if (framing.content_length) {
    text += "Content-Length: ";
    text += std::to_string(*framing.content_length);
    text += "\r\n";
  } else if (framing.http_1_1) {
    text += "Transfer-Encoding: chunked\r\n";
  }
  if (!connection_named) {
    if (!framing.keep_alive)
      text += "Connection: close\r\n";
    else if (!framing.http_1_1)
      text += "Connection: keep-alive\r\n";
  }
  text += "\r\n";
  return text;
}

std::string http_date(std::int64_t unix_seconds) {
  auto moment = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  gmtime_r(&moment, &parts);
  char text[40];
  auto size
      = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, size};
}

} // namespace shannon::gateway
