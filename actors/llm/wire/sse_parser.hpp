#pragma once

#include "protocols/errc.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::llm {

/// One server-sent event.
struct sse_event {
  std::string name; ///< The `event` field; empty if there was none.
  std::string data; ///< The `data` lines, joined by a line feed.
};

/// Reads a stream of server-sent events (WHATWG HTML, 9.2) in pieces of any
/// size, cut anywhere. Events without data are passed over, as are comments,
/// `id` and `retry`.
class sse_parser {
public:
  /// Largest event, in bytes; more fails.
  explicit sse_parser(std::size_t event_bytes_max) : max_(event_bytes_max) {}

  /// Appends the events that `piece` completes to `out`. After a failure the
  /// stream is of no use any more.
  result<void> feed(std::string_view piece, std::vector<sse_event>& out);

private:
  void end_line(std::vector<sse_event>& out);

  std::size_t max_;
  std::string line_;
  sse_event event_;
  bool has_data_ = false;
  bool after_cr_ = false;
  bool at_start_ = true;
};

} // namespace shannon::llm
