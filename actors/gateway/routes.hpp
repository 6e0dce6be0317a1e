#pragma once

#include "actors/gateway/http_message.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::gateway {

/// What a route leads to. GATEWAY has one handler for each.
enum class endpoint : std::uint8_t {
  health,
  live,
  ready,
  metrics,
  tree,
  drain,
  actors,
  top,
  workflows,
  links,
  leases,
  submit_task,
  submit_task_stream,
  list_tasks,
  get_task,
  get_events,
  get_timeline,
  cancel_task,
  redirect_stream,
  stream_sse,
  describe_run,
  signal_run,
  resume_run,
  query_run,
};

/// Which bound of the settings holds for the body.
enum class body_bound : std::uint8_t { usual, task };

/// One line of the public surface.
struct route {
  /// Empty: any method.
  std::string_view method;
  /// Segments in braces match one segment and are handed on.
  std::string_view pattern;
  endpoint leads_to;
  body_bound body = body_bound::usual;
  /// Answers carry X-Trace-ID and X-Span-ID.
  bool traced = true;
  bool on_api = true;
  bool on_admin = false;
};

/// The whole surface, in the order of the contract.
std::span<const route> routes() noexcept;

struct route_match {
  enum class outcome : std::uint8_t {
    found,
    unknown_path,
    wrong_method,
    moved,
    bad_path,
  };
  outcome what = outcome::unknown_path;
  /// Set when found.
  const route* to = nullptr;
  /// What the braces matched, percent-decoded, in order.
  std::vector<std::string> parts;
  /// For wrong_method: the Allow list. For moved: the new target.
  std::string text;
};

/// Decides as Go 1.22's ServeMux does: first the cleaned path, then the
/// pattern, then the method; GET answers HEAD too.
route_match match(const http_request& request);

/// Without `//`, `.` and `..`; a slash at the end stays.
std::string clean_path(std::string_view path);

/// False if an escape is malformed; `out` then is unspecified.
bool percent_decode(std::string_view text, bool plus_is_blank,
                    std::string& out);

} // namespace shannon::gateway
