#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shannon::gateway {

using http_fields = std::vector<std::pair<std::string, std::string>>;

/// Which of a node's two doors a request came through.
enum class door : std::uint8_t { api, admin };

struct http_request {
  std::string method; ///< As sent, case kept.
  std::string path;   ///< Before the `?`, percent escapes kept.
  std::string query;  ///< After the `?`, percent escapes kept.
  http_fields fields; ///< Names in lower case, values trimmed.
  std::string body;
  std::string peer; ///< The address of who is connected, without its port.
  /// The address of who asks: the peer's, or what a trusted proxy says.
  std::string client;
  door came_by = door::api;

  /// The first field of this name; empty if there is none.
  std::string_view find(std::string_view lower_name) const noexcept;
  bool has(std::string_view lower_name) const noexcept;
};

/// What is sent back. The server adds framing, date, CORS and connection
/// fields, and leaves the body out for HEAD.
struct http_response {
  int status = 200;
  http_fields fields;
  std::string body;
};

/// `Not Found` for 404; `Unknown` for a status this server never sends.
std::string_view reason_phrase(int status) noexcept;

} // namespace shannon::gateway
