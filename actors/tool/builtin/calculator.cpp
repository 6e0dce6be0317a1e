#include "actors/tool/builtin/calculator.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numbers>
#include <vector>

namespace shannon::tool {

namespace {

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 unsigned_wide;

/// An integer that is exact, or a double.
struct number {
  bool exact = false;
  wide whole = 0;
  double real = 0;

  number() = default;
  explicit number(wide value)
      : exact(true), whole(value), real(static_cast<double>(value)) {}
  explicit number(double value) : real(value) {}
};

/// Thrown inside this file only: an expression is left from any depth.
struct mistake {
  std::size_t at;
  std::string why;
};

std::string wide_text(wide value) {
  bool negative = value < 0;
  auto rest = negative ? -static_cast<unsigned_wide>(value)
                       : static_cast<unsigned_wide>(value);
  std::string out;
  do {
    out += static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
  } while (rest != 0);
  if (negative)
    out += '-';
  return {out.rbegin(), out.rend()};
}

std::string double_text(double value) {
  std::array<char, 64> buffer{};
  // Digits beyond the 15th are noise of the binary form: 0.1 + 0.2.
  auto [end, ec] = std::to_chars(buffer.data(), buffer.data() + buffer.size(),
                                 value, std::chars_format::general, 15);
  std::string out{buffer.data(), end};
  return out == "-0" ? "0" : out;
}

/// A double without a fraction that fits becomes an exact integer again.
number whole_or_real(double value) {
  constexpr double limit = 1.0e38;
  return value == std::trunc(value) && std::fabs(value) < limit
             ? number{static_cast<wide>(value)}
             : number{value};
}

// -- operators ----------------------------------------------------------------

number add(number a, number b) {
  wide out = 0;
  if (a.exact && b.exact && !__builtin_add_overflow(a.whole, b.whole, &out))
    return number{out};
  return number{a.real + b.real};
}

number negate(number a) {
  wide out = 0;
  if (a.exact && !__builtin_sub_overflow(wide{0}, a.whole, &out))
    return number{out};
  return number{-a.real};
}

number subtract(number a, number b) {
  wide out = 0;
  if (a.exact && b.exact && !__builtin_sub_overflow(a.whole, b.whole, &out))
    return number{out};
  return number{a.real - b.real};
}

number multiply(number a, number b) {
  wide out = 0;
  if (a.exact && b.exact && !__builtin_mul_overflow(a.whole, b.whole, &out))
    return number{out};
  return number{a.real * b.real};
}

/// The one quotient of two 128-bit integers that does not fit.
bool quotient_overflows(const number& a, const number& b) {
  return b.whole == -1 && a.whole == static_cast<wide>(unsigned_wide{1} << 127);
}

number divide(number a, number b, std::size_t at) {
  if (b.real == 0)
    throw mistake{at, "division by zero"};
  if (a.exact && b.exact && !quotient_overflows(a, b) && a.whole % b.whole == 0)
    return number{a.whole / b.whole};
  return number{a.real / b.real};
}

number floor_divide(number a, number b, std::size_t at) {
  if (b.real == 0)
    throw mistake{at, "division by zero"};
  if (a.exact && b.exact && !quotient_overflows(a, b)) {
    auto out = a.whole / b.whole;
    if (a.whole % b.whole != 0 && (a.whole < 0) != (b.whole < 0))
      --out;
    return number{out};
  }
  return whole_or_real(std::floor(a.real / b.real));
}

number modulo(number a, number b, std::size_t at) {
  if (b.real == 0)
    throw mistake{at, "division by zero"};
  if (a.exact && b.exact) {
    auto out = b.whole == -1 ? wide{0} : a.whole % b.whole;
    return number{out != 0 && (out < 0) != (b.whole < 0) ? out + b.whole : out};
  }
  auto out = std::fmod(a.real, b.real);
  return number{out != 0 && (out < 0) != (b.real < 0) ? out + b.real : out};
}

number power(number base, number exponent, std::size_t at) {
  if (base.exact && exponent.exact && exponent.whole >= 0) {
    wide out = 1;
    wide square = base.whole;
    auto left = exponent.whole;
    bool fits = true;
    while (fits && left > 0) {
      if (left & 1)
        fits = !__builtin_mul_overflow(out, square, &out);
      left >>= 1;
      if (left > 0 && fits)
        fits = !__builtin_mul_overflow(square, square, &square);
    }
    if (fits)
      return number{out};
  }
  if (base.real == 0 && exponent.real < 0)
    throw mistake{at, "zero to a negative power"};
  auto out = std::pow(base.real, exponent.real);
  if (std::isnan(out))
    throw mistake{at, "a fractional power of a negative number is not real"};
  return number{out};
}

number factorial(number a, std::size_t at) {
  if (!a.exact || a.whole < 0)
    throw mistake{at, "factorial needs an integer that is not negative"};
  if (a.whole > 170)
    throw mistake{at, "factorial of more than 170 is out of range"};
  number out{wide{1}};
  for (wide i = 2; i <= a.whole; ++i)
    out = multiply(out, number{i});
  return out;
}

// -- functions ----------------------------------------------------------------

using arguments = std::vector<number>;

number square_root(number a, std::size_t at) {
  if (a.real < 0)
    throw mistake{at, "sqrt of a negative number is not real"};
  auto root = whole_or_real(std::sqrt(a.real));
  // The double may be off by a little above 2^53: only a true root is exact.
  wide square = 0;
  bool is_root = a.exact && root.exact
                 && !__builtin_mul_overflow(root.whole, root.whole, &square)
                 && square == a.whole;
  return is_root ? root : number{std::sqrt(a.real)};
}

double positive(const number& a, std::string_view name, std::size_t at) {
  if (a.real <= 0)
    throw mistake{at, std::string{name} + " needs a number above zero"};
  return a.real;
}

number logarithm(const arguments& args, std::size_t at) {
  auto value = std::log(positive(args[0], "log", at));
  if (args.size() == 1)
    return number{value};
  auto base = positive(args[1], "log", at);
  if (base == 1)
    throw mistake{at, "a logarithm to base 1 does not exist"};
  if (base == 10)
    return number{std::log10(args[0].real)};
  if (base == 2)
    return number{std::log2(args[0].real)};
  return number{value / std::log(base)};
}

number rounded(const arguments& args, std::size_t at) {
  if (args.size() == 1)
    return args[0].exact ? args[0] : whole_or_real(std::round(args[0].real));
  if (!args[1].exact || args[1].whole < -30 || args[1].whole > 30)
    throw mistake{at, "round takes a number of digits from -30 to 30"};
  if (args[0].exact && args[1].whole >= 0)
    return args[0];
  auto scale = std::pow(10.0, static_cast<double>(args[1].whole));
  auto out = std::round(args[0].real * scale) / scale;
  return args[1].whole <= 0 ? whole_or_real(out) : number{out};
}

number arc(const number& a, double (*f)(double), std::size_t at) {
  if (a.real < -1 || a.real > 1)
    throw mistake{at, "the argument must be from -1 to 1"};
  return number{f(a.real)};
}

number smallest(const arguments& args, bool largest) {
  auto less = [](const number& a, const number& b) {
    return a.exact && b.exact ? a.whole < b.whole : a.real < b.real;
  };
  return largest ? *std::max_element(args.begin(), args.end(), less)
                 : *std::min_element(args.begin(), args.end(), less);
}

struct function {
  std::string_view name;
  std::size_t least;
  std::size_t most;
  number (*run)(const arguments&, std::size_t at);
};

constexpr std::size_t any = 64;

// clang-format off
const std::array functions{
  function{"sqrt", 1, 1, [](const arguments& a, std::size_t at) { return square_root(a[0], at); }},
  function{"abs", 1, 1, [](const arguments& a, std::size_t) { return a[0].real < 0 ? negate(a[0]) : a[0]; }},
  function{"round", 1, 2, rounded},
  function{"floor", 1, 1, [](const arguments& a, std::size_t) { return a[0].exact ? a[0] : whole_or_real(std::floor(a[0].real)); }},
  function{"ceil", 1, 1, [](const arguments& a, std::size_t) { return a[0].exact ? a[0] : whole_or_real(std::ceil(a[0].real)); }},
  function{"trunc", 1, 1, [](const arguments& a, std::size_t) { return a[0].exact ? a[0] : whole_or_real(std::trunc(a[0].real)); }},
  function{"ln", 1, 1, [](const arguments& a, std::size_t at) { return number{std::log(positive(a[0], "ln", at))}; }},
  function{"log", 1, 2, logarithm},
  function{"log2", 1, 1, [](const arguments& a, std::size_t at) { return number{std::log2(positive(a[0], "log2", at))}; }},
  function{"log10", 1, 1, [](const arguments& a, std::size_t at) { return number{std::log10(positive(a[0], "log10", at))}; }},
  function{"exp", 1, 1, [](const arguments& a, std::size_t) { return number{std::exp(a[0].real)}; }},
  function{"sin", 1, 1, [](const arguments& a, std::size_t) { return number{std::sin(a[0].real)}; }},
  function{"cos", 1, 1, [](const arguments& a, std::size_t) { return number{std::cos(a[0].real)}; }},
  function{"tan", 1, 1, [](const arguments& a, std::size_t) { return number{std::tan(a[0].real)}; }},
  function{"asin", 1, 1, [](const arguments& a, std::size_t at) { return arc(a[0], std::asin, at); }},
  function{"acos", 1, 1, [](const arguments& a, std::size_t at) { return arc(a[0], std::acos, at); }},
  function{"atan", 1, 1, [](const arguments& a, std::size_t) { return number{std::atan(a[0].real)}; }},
  function{"min", 1, any, [](const arguments& a, std::size_t) { return smallest(a, false); }},
  function{"max", 1, any, [](const arguments& a, std::size_t) { return smallest(a, true); }},
  function{"pow", 2, 2, [](const arguments& a, std::size_t at) { return power(a[0], a[1], at); }},
  function{"factorial", 1, 1, [](const arguments& a, std::size_t at) { return factorial(a[0], at); }},
};
// clang-format on

// -- the parser ---------------------------------------------------------------

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

class parser {
public:
  explicit parser(std::string_view text) : text_(text) {}

  number run() {
    auto out = sum();
    if (skip_space(); at_ < text_.size())
      throw mistake{at_, unexpected()};
    return finite(out, 0);
  }

private:
  number sum() {
    auto out = product();
    for (;;) {
      if (take("+"))
        out = add(out, product());
      else if (take("-"))
        out = subtract(out, product());
      else
        return out;
    }
  }

  number product() {
    auto out = signed_power();
    for (;;) {
      skip_space();
      auto at = at_;
      if (text_.substr(at_, 2) == "**")
        return out;
      if (take("//"))
        out = floor_divide(out, signed_power(), at);
      else if (take("*"))
        out = multiply(out, signed_power());
      else if (take("/"))
        out = divide(out, signed_power(), at);
      else if (take("%"))
        out = modulo(out, signed_power(), at);
      else
        return out;
      finite(out, at);
    }
  }

  number signed_power() {
    deeper guard{*this};
    if (take("-"))
      return negate(signed_power());
    if (take("+"))
      return signed_power();
    auto base = postfix();
    auto at = at_;
    if (take("**") || take("^"))
      return finite(power(base, signed_power(), at), at);
    return base;
  }

  number postfix() {
    auto out = primary();
    while (take("!"))
      out = factorial(out, at_ - 1);
    return out;
  }

  number primary() {
    skip_space();
    if (at_ >= text_.size())
      throw mistake{at_, "the expression ends where a number is expected"};
    auto c = text_[at_];
    if (is_digit(c) || c == '.')
      return literal();
    if (is_letter(c))
      return named();
    if (!take("("))
      throw mistake{at_, unexpected()};
    auto out = sum();
    expect(")");
    return out;
  }

  number literal() {
    auto begin = at_;
    bool whole = true;
    auto digits = [this] {
      auto from = at_;
      while (at_ < text_.size() && is_digit(text_[at_]))
        ++at_;
      return at_ > from;
    };
    bool some = digits();
    if (at_ < text_.size() && text_[at_] == '.') {
      whole = false;
      ++at_;
      some = digits() || some;
    }
    if (!some)
      throw mistake{begin, "a number is expected"};
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      auto back = at_++;
      if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-'))
        ++at_;
      if (digits())
        whole = false;
      else
        at_ = back; // Not an exponent: `2e` is refused as two values.
    }
    auto token = text_.substr(begin, at_ - begin);
    wide exact = 0;
    for (char c : token)
      if (whole)
        whole = !__builtin_mul_overflow(exact, wide{10}, &exact)
                && !__builtin_add_overflow(exact, wide{c - '0'}, &exact);
    if (whole)
      return number{exact};
    double value = 0;
    auto [end, ec]
        = std::from_chars(token.data(), token.data() + token.size(), value);
    if (ec == std::errc::result_out_of_range)
      throw mistake{begin, "the number is out of range"};
    return number{value};
  }

  number named() {
    auto begin = at_;
    while (at_ < text_.size()
           && (is_letter(text_[at_]) || is_digit(text_[at_])))
      ++at_;
    auto name = text_.substr(begin, at_ - begin);
    if (!take("(")) {
      if (name == "pi")
        return number{std::numbers::pi};
      if (name == "e")
        return number{std::numbers::e};
      throw mistake{begin, "unknown name '" + std::string{name} + "'"};
    }
    auto found = std::find_if(functions.begin(), functions.end(),
                              [&](const auto& f) { return f.name == name; });
    if (found == functions.end())
      throw mistake{begin, "unknown function '" + std::string{name} + "'"};
    arguments args;
    if (!take(")")) {
      do {
        if (args.size() == any)
          throw mistake{at_, "too many arguments"};
        args.push_back(sum());
      } while (take(","));
      expect(")");
    }
    if (args.size() < found->least || args.size() > found->most)
      throw mistake{begin,
                    std::string{name} + " takes " + std::to_string(found->least)
                        + (found->most == found->least ? ""
                           : found->most == any
                               ? " or more"
                               : " or " + std::to_string(found->most))
                        + " arguments, found " + std::to_string(args.size())};
    return finite(found->run(args, begin), begin);
  }

  // -- small steps ------------------------------------------------------------

  struct deeper {
    explicit deeper(parser& who) : owner(who) {
      if (++owner.depth_ > expression_depth_max)
        throw mistake{owner.at_, "nested too deeply"};
    }
    ~deeper() {
      --owner.depth_;
    }
    parser& owner;
  };

  static number finite(number value, std::size_t at) {
    if (!value.exact && !std::isfinite(value.real))
      throw mistake{at, "the value is out of range"};
    return value;
  }

  void skip_space() {
    while (at_ < text_.size()
           && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n'
               || text_[at_] == '\r'))
      ++at_;
  }

  bool take(std::string_view token) {
    skip_space();
    if (text_.substr(at_, token.size()) != token)
      return false;
    at_ += token.size();
    return true;
  }

  void expect(std::string_view token) {
    if (take(token))
      return;
    throw mistake{at_, "expected '" + std::string{token} + "', found "
                           + found_here()};
  }

  std::string found_here() const {
    if (at_ >= text_.size())
      return "the end";
    auto c = static_cast<unsigned char>(text_[at_]);
    return c > 0x20 && c < 0x7f ? "'" + std::string{text_[at_]} + "'"
                                : "a character that is not allowed";
  }

  std::string unexpected() const {
    return "unexpected " + found_here();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

} // namespace

result<calculation> calculate(std::string_view expression) {
  if (expression.size() > expression_bytes_max)
    return fail(errc::invalid_argument,
                "the expression is longer than "
                    + std::to_string(expression_bytes_max) + " characters");
  try {
    auto value = parser{expression}.run();
    return calculation{value.exact ? wide_text(value.whole)
                                   : double_text(value.real),
                       value.exact};
  } catch (const mistake& what) {
    return fail(errc::invalid_argument,
                what.why + " at position " + std::to_string(what.at + 1));
  }
}

} // namespace shannon::tool
