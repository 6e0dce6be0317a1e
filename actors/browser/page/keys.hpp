#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::browser {

/// A key of a US keyboard, as Chromium wants it described.
struct key {
  std::string name; ///< DOM `key`: `a`, `Enter`.
  std::string code; ///< DOM `code`: `KeyA`; empty for none.
  int number = 0;   ///< Windows virtual key code.
  std::string text; ///< What it types; empty for none.
  bool shift = false;
};

/// By name (`Enter`, `ArrowDown`, `F5`, `a`, `A`). Nothing for a name that is
/// none.
std::optional<key> find_key(std::string_view name);

/// A chord such as `Control+Shift+A`: bits of Chromium's `modifiers`, and the
/// key.
struct chord {
  int modifiers = 0;
  std::vector<key> held; ///< Modifier keys, in order.
  key last;
};
std::optional<chord> parse_chord(std::string_view text);

} // namespace shannon::browser
