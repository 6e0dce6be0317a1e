#pragma once

#include "protocols/errc.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace shannon::tool {

/// Longest expression, in bytes, and how deep parentheses, signs and powers
/// may nest.
inline constexpr std::size_t expression_bytes_max = 4096;
inline constexpr int expression_depth_max = 100;

struct calculation {
  std::string value;
  /// The value is an integer without any rounding on the way.
  bool exact = false;
};

/// Evaluates an arithmetic expression: + - * / // % ^ ** !, parentheses, the
/// constants pi and e, and the functions sqrt abs round floor ceil trunc ln
/// log log2 log10 exp sin cos tan asin acos atan min max pow factorial.
///
/// Integers are exact up to 128 bits; beyond, and for all else, doubles, shown
/// with 15 digits. `//` and `%` follow the sign of the divisor, as in Python;
/// powers bind to the right and stronger than a sign before them (-2^2 is -4).
/// Fails with invalid_argument; the text names the position, from 1.
result<calculation> calculate(std::string_view expression);

} // namespace shannon::tool
