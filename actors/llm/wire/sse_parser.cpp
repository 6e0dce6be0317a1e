#include "actors/llm/wire/sse_parser.hpp"

#include <utility>

namespace shannon::llm {

result<void> sse_parser::feed(std::string_view piece,
                              std::vector<sse_event>& out) {
  while (!piece.empty()) {
    // The LF of a CRLF that was cut between its halves.
    if (std::exchange(after_cr_, false) && piece.front() == '\n') {
      piece.remove_prefix(1);
      continue;
    }
    auto end = piece.find_first_of("\r\n");
    auto part = piece.substr(0, end);
    if (line_.size() + part.size() + event_.data.size() > max_)
      return fail(errc::failed, "stream event of more than "
                                    + std::to_string(max_) + " bytes");
    line_ += part;
    if (end == std::string_view::npos)
      return {};
    after_cr_ = piece[end] == '\r';
    piece.remove_prefix(end + 1);
    end_line(out);
  }
  return {};
}

void sse_parser::end_line(std::vector<sse_event>& out) {
  auto line = std::exchange(line_, {});
  if (std::exchange(at_start_, false) && line.rfind("\xEF\xBB\xBF", 0) == 0)
    line.erase(0, 3);
  if (line.empty()) {
    auto event = std::exchange(event_, {});
    if (std::exchange(has_data_, false))
      out.push_back(std::move(event));
    return;
  }
  auto colon = line.find(':');
  auto field = std::string_view{line}.substr(0, colon);
  std::string_view value;
  if (colon != std::string::npos)
    value = std::string_view{line}.substr(colon + 1);
  if (!value.empty() && value.front() == ' ')
    value.remove_prefix(1);
  if (field == "event") {
    event_.name = value;
  } else if (field == "data") {
    if (std::exchange(has_data_, true))
      event_.data += '\n';
    event_.data += value;
  }
}

} // namespace shannon::llm
