#include "nodes/commands/sse_reader.hpp"

namespace shannon::commands {

bool sse_reader::take(std::string_view bytes, const taker& taken) {
  rest_.append(bytes);
  std::size_t begin = 0;
  for (;;) {
    auto end = rest_.find('\n', begin);
    if (end == std::string::npos)
      break;
    auto text = std::string_view{rest_}.substr(begin, end - begin);
    if (text.ends_with('\r'))
      text.remove_suffix(1);
    line(text, taken);
    begin = end + 1;
  }
  rest_.erase(0, begin);
  return rest_.size() + event_.data.size() <= event_bytes_max;
}

void sse_reader::line(std::string_view text, const taker& taken) {
  if (text.empty()) {
    if (has_data_)
      taken(event_);
    event_ = {};
    has_data_ = false;
    return;
  }
  if (text.front() == ':')
    return;
  auto colon = text.find(':');
  auto field = text.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view{}
                                               : text.substr(colon + 1);
  if (value.starts_with(' '))
    value.remove_prefix(1);
  if (field == "id") {
    event_.id = value;
  } else if (field == "event") {
    event_.name = value;
  } else if (field == "data") {
    if (has_data_)
      event_.data.push_back('\n');
    event_.data.append(value);
    has_data_ = true;
  }
}

} // namespace shannon::commands
