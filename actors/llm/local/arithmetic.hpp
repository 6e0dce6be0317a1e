#pragma once

#include "actors/llm/local/task_text.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace shannon::llm {

/// Stands in an expression for the result of what was done before.
inline constexpr std::string_view previous_result = "{}";

/// A piece of a sentence that can be computed.
struct arithmetic_phrase {
  span where;
  /// For the calculator; may hold `previous_result`.
  std::string expression;
};

/// Finds what can be computed in a sentence: expressions in digits and signs,
/// and in words: "2 to the power 32", "15% of 80", "the square root of 2",
/// "divide 10 by 4", "sum of 1, 2 and 3", "multiply it by 3".
/// `text` is in lower case.
std::vector<arithmetic_phrase> find_arithmetic(std::string_view text);

} // namespace shannon::llm
