#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <termios.h>

namespace shannon::commands {

/// The whole window, and keys as they are pressed. Gives both back when it is
/// destroyed.
class raw_terminal {
public:
  raw_terminal();
  ~raw_terminal();
  raw_terminal(const raw_terminal&) = delete;
  raw_terminal& operator=(const raw_terminal&) = delete;

  struct window {
    std::size_t lines = 24;
    std::size_t columns = 80;
  };
  window size() const;

  /// Shows `text` from the upper left corner, and nothing else.
  void show(const std::string& text) const;

  /// The next key; nothing after `most`, or if there is no keyboard any more,
  /// of which `closed` tells.
  std::optional<char> key(std::chrono::milliseconds most);
  bool closed() const noexcept {
    return closed_;
  }

private:
  termios before_{};
  bool had_keys_ = false;
  bool closed_ = false;
};

} // namespace shannon::commands
