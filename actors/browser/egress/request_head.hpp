#pragma once

#include "actors/browser/egress/body_end.hpp"
#include "actors/kit/egress/url.hpp"

#include <tl/expected.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// What a browser asks of its proxy, read strictly: a request is understood in
/// one way, or refused. Pure.
namespace shannon::browser {

/// Why a request is not served; the connection is closed behind the answer.
struct head_refusal {
  int status = 400;
  std::string why;
};

/// Where the head ends in what has arrived so far.
struct head_scan {
  /// With its empty line; 0 while it is incomplete.
  std::size_t size = 0;
  std::optional<head_refusal> refused;
};

/// Looks at `bytes` from `from` on; what lies before was looked at already.
/// Refuses at once what no more bytes can mend.
head_scan scan_request(std::string_view bytes, std::size_t from,
                       std::size_t bytes_max);

struct request_head {
  std::string method;
  /// Host and port that are to be reached. The target is in `bytes`.
  kit::url where;
  /// CONNECT: what follows is the browser's affair and the far side's.
  bool tunnel = false;
  bool keep_alive = true;
  /// Asks to become a WebSocket.
  bool upgrade = false;
  /// The head as it goes to the server; empty for a tunnel.
  std::string bytes;
  body_end body = body_end::none();
};

/// Reads one whole head, its empty line included. Served are CONNECT with host
/// and port, and `http://` URLs with any method but TRACE and TRACK, in
/// HTTP/1.1. `Host` is written anew from the URL.
tl::expected<request_head, head_refusal> parse_request(std::string_view head);

} // namespace shannon::browser
