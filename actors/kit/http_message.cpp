#include "actors/kit/http_message.hpp"

#include "actors/kit/http_text.hpp"

#include <algorithm>

namespace shannon::kit {

namespace {

/// Without controls and, unless `spaces`, without spaces: nothing in a request
/// can start a header or a second request of its own.
bool is_clean(std::string_view text, bool spaces) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    auto u = static_cast<unsigned char>(c);
    return c == '\t' ? spaces : u != 127 && (u > ' ' || (u == ' ' && spaces));
  });
}

} // namespace

result<void> check_request(const http_request& request) {
  if (!is_token(request.method))
    return fail(errc::invalid_argument, "HTTP method is no token");
  if (request.host.empty() || !is_clean(request.host, false))
    return fail(errc::invalid_argument, "HTTP host is empty or not clean");
  if (request.port == 0)
    return fail(errc::invalid_argument, "HTTP port is 0");
  if (request.target.empty() || request.target.front() != '/'
      || !is_clean(request.target, false))
    return fail(errc::invalid_argument,
                "HTTP target must start with / and hold no spaces");
  for (const auto& [name, value] : request.headers)
    if (!is_token(name) || !is_clean(value, true))
      return fail(errc::invalid_argument, "HTTP header "
                                              + (is_token(name) ? name : "?")
                                              + ": name or value not allowed");
  return {};
}

std::string serialize_request(const http_request& request) {
  const bool v6 = request.host.find(':') != std::string::npos;
  std::string out;
  out.reserve(512 + request.body.size());
  out += request.method + ' ' + request.target + " HTTP/1.1\r\nHost: ";
  out += v6 ? '[' + request.host + ']' : request.host;
  if (request.port != (request.tls ? 443 : 80))
    out += ':' + std::to_string(request.port);
  out += "\r\n";
  for (const auto& [name, value] : request.headers)
    out += name + ": " + value + "\r\n";
  if (!request.body.empty() || request.method == "POST"
      || request.method == "PUT" || request.method == "PATCH")
    out += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  out += "Connection: keep-alive\r\n\r\n";
  return out += request.body;
}

std::string_view http_head::find(std::string_view lower_name) const noexcept {
  for (const auto& [name, value] : headers)
    if (name == lower_name)
      return value;
  return {};
}

} // namespace shannon::kit
