#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace shannon::commands {

/// One of the two streams a command writes to. Colour and progress appear
/// only where a person looks: a terminal, TERM not `dumb`, NO_COLOR not set.
class terminal {
public:
  explicit terminal(int descriptor);

  bool interactive() const noexcept {
    return interactive_;
  }

  /// Columns of a line: the window's, or `otherwise` where there is no window.
  std::size_t width(std::size_t otherwise = 160) const noexcept {
    return width_ > 0 ? width_ : otherwise;
  }

  std::string bold(std::string_view text) const;
  std::string dim(std::string_view text) const;
  std::string green(std::string_view text) const;
  std::string yellow(std::string_view text) const;
  std::string red(std::string_view text) const;

private:
  std::string painted(const char* code, std::string_view text) const;

  bool interactive_ = false;
  bool colour_ = false;
  std::size_t width_ = 0;
};

/// Text from models, tools and servers without the control characters that
/// could move a terminal's cursor or rename its window. Keeps \n and \t.
std::string harmless(std::string_view text);

/// `harmless`, with every run of white space one blank.
std::string one_line(std::string_view text);

/// At most `columns` code points, the last of them `…` if some are left out.
std::string shortened(std::string_view text, std::size_t columns);

/// Fills up with blanks to `columns` code points.
std::string padded(std::string_view text, std::size_t columns);

} // namespace shannon::commands
