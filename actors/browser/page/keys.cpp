#include "actors/browser/page/keys.hpp"

#include <array>
#include <cctype>

namespace shannon::browser {

namespace {

struct named {
  const char* name;
  const char* code;
  int number;
  const char* text;
};

constexpr std::array named_keys{
    named{"Enter", "Enter", 13, "\r"},
    named{"Tab", "Tab", 9, ""},
    named{"Escape", "Escape", 27, ""},
    named{"Backspace", "Backspace", 8, ""},
    named{"Delete", "Delete", 46, ""},
    named{"Insert", "Insert", 45, ""},
    named{"Home", "Home", 36, ""},
    named{"End", "End", 35, ""},
    named{"PageUp", "PageUp", 33, ""},
    named{"PageDown", "PageDown", 34, ""},
    named{"ArrowLeft", "ArrowLeft", 37, ""},
    named{"ArrowUp", "ArrowUp", 38, ""},
    named{"ArrowRight", "ArrowRight", 39, ""},
    named{"ArrowDown", "ArrowDown", 40, ""},
    named{"Space", "Space", 32, " "},
    named{"Shift", "ShiftLeft", 16, ""},
    named{"Control", "ControlLeft", 17, ""},
    named{"Alt", "AltLeft", 18, ""},
    named{"Meta", "MetaLeft", 91, ""},
};

struct sign {
  char plain;
  char shifted;
  const char* code;
  int number;
};

constexpr std::array signs{
    sign{'1', '!', "Digit1", 49},       sign{'2', '@', "Digit2", 50},
    sign{'3', '#', "Digit3", 51},       sign{'4', '$', "Digit4", 52},
    sign{'5', '%', "Digit5", 53},       sign{'6', '^', "Digit6", 54},
    sign{'7', '&', "Digit7", 55},       sign{'8', '*', "Digit8", 56},
    sign{'9', '(', "Digit9", 57},       sign{'0', ')', "Digit0", 48},
    sign{'-', '_', "Minus", 189},       sign{'=', '+', "Equal", 187},
    sign{'[', '{', "BracketLeft", 219}, sign{']', '}', "BracketRight", 221},
    sign{'\\', '|', "Backslash", 220},  sign{';', ':', "Semicolon", 186},
    sign{'\'', '"', "Quote", 222},      sign{',', '<', "Comma", 188},
    sign{'.', '>', "Period", 190},      sign{'/', '?', "Slash", 191},
    sign{'`', '~', "Backquote", 192},   sign{' ', ' ', "Space", 32},
};

std::optional<key> of_character(char c) {
  std::string text{c};
  if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
    auto upper = static_cast<char>(std::toupper(c));
    return key{text, std::string{"Key"} + upper, upper, text, c == upper};
  }
  for (auto& one : signs)
    if (one.plain == c || one.shifted == c)
      return key{text, one.code, one.number, text, one.plain != c};
  return {};
}

} // namespace

std::optional<key> find_key(std::string_view name) {
  if (name.size() == 1)
    return of_character(name[0]);
  for (auto& one : named_keys)
    if (name == one.name)
      return key{name == "Space" ? " " : one.name, one.code, one.number,
                 one.text, false};
  if (name.size() <= 3 && name.starts_with('F')) {
    auto rest = name.substr(1);
    int number = 0;
    for (char c : rest)
      number = c >= '0' && c <= '9' ? number * 10 + (c - '0') : 100;
    if (number >= 1 && number <= 12)
      return key{std::string{name}, std::string{name}, 111 + number, "", false};
  }
  return {};
}

std::optional<chord> parse_chord(std::string_view text) {
  chord out;
  while (true) {
    auto plus = text.find('+');
    // `+` itself, alone or last.
    if (plus == std::string_view::npos || plus == 0 || text.size() == 1)
      break;
    auto name = text.substr(0, plus);
    auto bit = name == "Alt"                         ? 1
               : name == "Control" || name == "Ctrl" ? 2
               : name == "Meta" || name == "Command" ? 4
               : name == "Shift"                     ? 8
                                                     : 0;
    if (bit == 0)
      return {};
    out.modifiers |= bit;
    out.held.push_back(*find_key(bit == 1   ? "Alt"
                                 : bit == 2 ? "Control"
                                 : bit == 4 ? "Meta"
                                            : "Shift"));
    text.remove_prefix(plus + 1);
  }
  auto last = find_key(text);
  if (!last)
    return {};
  out.last = *last;
  if (last->shift)
    out.modifiers |= 8;
  // With a modifier a key does something and types nothing.
  if ((out.modifiers & 7) != 0)
    out.last.text.clear();
  return out;
}

} // namespace shannon::browser
