#include "nodes/commands/raw_terminal.hpp"

#include <cstdio>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace shannon::commands {

namespace {

void put(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

} // namespace

raw_terminal::raw_terminal() {
  had_keys_
      = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before_) == 0;
  if (had_keys_) {
    auto raw = before_;
    // Ctrl-C comes as a key, so that the window is given back.
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  }
  put("\x1b[?1049h\x1b[?25l");
}

raw_terminal::~raw_terminal() {
  put("\x1b[?25h\x1b[?1049l");
  if (had_keys_)
    tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

raw_terminal::window raw_terminal::size() const {
  winsize found{};
  window out;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &found) == 0 && found.ws_row > 0) {
    out.lines = found.ws_row;
    out.columns = found.ws_col;
  }
  return out;
}

void raw_terminal::show(const std::string& text) const {
  // Line by line over what is there: a window that is cleared first flickers.
  std::string out = "\x1b[H";
  for (char c : text) {
    if (c == '\n')
      out += "\x1b[K\r\n";
    else
      out += c;
  }
  put(out + "\x1b[J");
}

std::optional<char> raw_terminal::key(std::chrono::milliseconds most) {
  pollfd keys{STDIN_FILENO, POLLIN, 0};
  if (poll(&keys, 1, static_cast<int>(most.count())) <= 0)
    return std::nullopt;
  char pressed = 0;
  if (read(STDIN_FILENO, &pressed, 1) == 1)
    return pressed;
  closed_ = true;
  return std::nullopt;
}

} // namespace shannon::commands
