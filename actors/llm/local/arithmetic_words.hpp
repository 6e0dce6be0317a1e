#pragma once

#include "actors/llm/local/task_text.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::llm {

/// A word of a sentence, as arithmetic sees it.
struct token {
  enum class kind : std::uint8_t { number, word, sign };
  kind what;
  std::string text; ///< A number without its commas.
  span where;
  bool glued = false; ///< No space before it.
};

/// Numbers, also in words and with commas, words and signs of a text in lower
/// case. Versions, addresses and names with digits are no numbers.
std::vector<token> tokens_of(std::string_view text);

} // namespace shannon::llm
