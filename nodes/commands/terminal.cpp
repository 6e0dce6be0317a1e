#include "nodes/commands/terminal.hpp"

#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>

namespace shannon::commands {

namespace {

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

std::size_t code_points(std::string_view text) {
  std::size_t n = 0;
  for (char c : text)
    n += is_continuation(c) ? 0 : 1;
  return n;
}

} // namespace

terminal::terminal(int descriptor) : interactive_(isatty(descriptor) == 1) {
  if (!interactive_)
    return;
  const char* term = std::getenv("TERM");
  const char* no_colour = std::getenv("NO_COLOR");
  colour_ = (no_colour == nullptr || *no_colour == '\0')
            && (term == nullptr || std::string_view{term} != "dumb");
  winsize window{};
  if (ioctl(descriptor, TIOCGWINSZ, &window) == 0)
    width_ = window.ws_col;
}

std::string terminal::bold(std::string_view text) const {
  return painted("1", text);
}

std::string terminal::dim(std::string_view text) const {
  return painted("2", text);
}

std::string terminal::green(std::string_view text) const {
  return painted("32", text);
}

std::string terminal::yellow(std::string_view text) const {
  return painted("33", text);
}

std::string terminal::red(std::string_view text) const {
  return painted("31", text);
}

std::string terminal::painted(const char* code, std::string_view text) const {
  if (!colour_)
    return std::string{text};
  std::string out = "\x1b[";
  out.append(code).append("m").append(text).append("\x1b[0m");
  return out;
}

std::string harmless(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    // C1 controls are two bytes in UTF-8: 0xC2 0x80..0x9F.
    if (c == 0xC2 && i + 1 < text.size()
        && static_cast<unsigned char>(text[i + 1]) < 0xA0) {
      ++i;
      continue;
    }
    if (c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7F))
      out.push_back(text[i]);
  }
  return out;
}

std::string one_line(std::string_view text) {
  std::string out;
  bool gap = false;
  for (char c : harmless(text)) {
    if (c == ' ' || c == '\n' || c == '\t') {
      gap = !out.empty();
      continue;
    }
    if (gap)
      out.push_back(' ');
    gap = false;
    out.push_back(c);
  }
  return out;
}

std::string shortened(std::string_view text, std::size_t columns) {
  if (code_points(text) <= columns)
    return std::string{text};
  if (columns == 0)
    return {};
  std::size_t seen = 0;
  std::size_t end = 0;
  for (; end < text.size(); ++end)
    if (!is_continuation(text[end]) && seen++ == columns - 1)
      break;
  return std::string{text.substr(0, end)} + "…";
}

std::string padded(std::string_view text, std::size_t columns) {
  std::string out{text};
  auto have = code_points(text);
  if (have < columns)
    out.append(columns - have, ' ');
  return out;
}

} // namespace shannon::commands
