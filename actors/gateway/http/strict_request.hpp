#pragma once

#include "actors/gateway/http/http_message.hpp"

#include <tl/expected.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The strict layer in front of Beast: what two parsers could understand
/// differently is refused, because that difference is how requests are
/// smuggled past a proxy. Pure: bytes in, a head or a refusal out.
namespace shannon::gateway {

struct strict_limits {
  std::size_t header_bytes_max = 8 * 1024;
  std::size_t header_fields_max = 100;
};

/// Why a request is not served. The connection is closed after every one.
struct refusal {
  int status = 400;
  std::string_view reason; ///< Stable, for metrics.
  std::string text;        ///< For the client.
};

/// Where the head ends in what has arrived so far.
struct head_scan {
  /// Bytes of the head with its empty line; 0 while it is incomplete.
  std::size_t size = 0;
  std::optional<refusal> refused;
};

/// Looks at `bytes` from `from` on; what lies before was looked at already.
/// Refuses at once what no more bytes can mend (bare LF, NUL, too long), so
/// nobody can hold a connection open with it.
head_scan scan_head(std::string_view bytes, std::size_t from,
                    const strict_limits& limits);

struct request_head {
  std::string method;
  std::string path;
  std::string query;
  http_fields fields; ///< Names in lower case, values trimmed.
  bool http_1_1 = true;
  bool chunked = false;
  std::optional<std::uint64_t> content_length;
  bool keep_alive = true;
  bool expects_continue = false;
};

/// Reads one whole head, its empty line included.
tl::expected<request_head, refusal> parse_head(std::string_view head,
                                               const strict_limits& limits);

/// Bounds what a client may hide in chunk extensions of one body.
class chunk_budget {
public:
  static constexpr std::size_t per_chunk_max = 256;
  static constexpr std::size_t total_max = 4 * 1024;

  /// False once a limit is passed.
  bool take(std::size_t extension_bytes) noexcept {
    total_ += extension_bytes;
    return extension_bytes <= per_chunk_max && total_ <= total_max;
  }

private:
  std::size_t total_ = 0;
};

} // namespace shannon::gateway
