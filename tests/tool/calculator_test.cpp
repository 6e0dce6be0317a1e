#include "actors/tool/builtin/calculator.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using shannon::tool::calculate;

namespace {

struct line {
  const char* expression;
  const char* value;
};

std::string value_of(const std::string& expression) {
  auto got = calculate(expression);
  return got ? got->value : "error: " + got.error().text;
}

} // namespace

TEST_CASE("the calculator computes") {
  const std::vector<line> lines{
      {"1", "1"},
      {"1+2", "3"},
      {" 1 + 2 * 3 ", "7"},
      {"(1+2)*3", "9"},
      {"10-2-3", "5"},
      {"2*3-4", "2"},
      {"100/10/2", "5"},
      {"7/2", "3.5"},
      {"6/3", "2"},
      {"1/3", "0.333333333333333"},
      {"-7/2", "-3.5"},
      {"7//2", "3"},
      {"-7//2", "-4"},
      {"7//-2", "-4"},
      {"7.5//2", "3"},
      {"7%3", "1"},
      {"-7%3", "2"},
      {"7%-3", "-2"},
      {"7.5%2", "1.5"},
      {"2^10", "1024"},
      {"2**10", "1024"},
      {"2^3^2", "512"},
      {"-2^2", "-4"},
      {"(-2)^2", "4"},
      {"2^-1", "0.5"},
      {"2**-2", "0.25"},
      {"(-8)^3", "-512"},
      {"0^0", "1"},
      {"4^0.5", "2"},
      {"--3", "3"},
      {"-+-3", "3"},
      {"1.5+1.5", "3"},
      {".5*2", "1"},
      {"2.", "2"},
      {"1e3", "1000"},
      {"1.5e-3", "0.0015"},
      {"0.1+0.2", "0.3"},
      {"123456789*987654321", "121932631112635269"},
      {"2^100", "1267650600228229401496703205376"},
      {"2^126+(2^126-1)", "170141183460469231731687303715884105727"},
      {"10^38", "100000000000000000000000000000000000000"},
      {"10^39", "1e+39"},
      {"99999999999999999999*1", "99999999999999999999"},
      {"-2^127", "-1.70141183460469e+38"},
      {"5!", "120"},
      {"3!!", "720"},
      {"-3!", "-6"},
      {"0!", "1"},
      {"33!", "8683317618811886495518194401280000000"},
      {"factorial(20)", "2432902008176640000"},
      {"sqrt(16)", "4"},
      {"sqrt(2)", "1.4142135623731"},
      {"sqrt(0)", "0"},
      {"abs(-5)", "5"},
      {"abs(2.5)", "2.5"},
      {"round(2.5)", "3"},
      {"round(-2.5)", "-3"},
      {"round(3.14159, 2)", "3.14"},
      {"round(1234, -2)", "1200"},
      {"floor(-1.5)", "-2"},
      {"ceil(-1.5)", "-1"},
      {"trunc(-1.5)", "-1"},
      {"ln(1)", "0"},
      {"ln(e)", "1"},
      {"log(8, 2)", "3"},
      {"log(1000, 10)", "3"},
      {"log2(1024)", "10"},
      {"log10(100)", "2"},
      {"exp(0)", "1"},
      {"sin(0)", "0"},
      {"cos(0)", "1"},
      {"tan(0)", "0"},
      {"asin(1)*2", "3.14159265358979"},
      {"atan(1)*4", "3.14159265358979"},
      {"acos(1)", "0"},
      {"min(3,1,2)", "1"},
      {"max(3,1,2)", "3"},
      {"max(1, 2.5)", "2.5"},
      {"pow(2, 8)", "256"},
      {"pi", "3.14159265358979"},
      {"e", "2.71828182845905"},
      {"2*pi", "6.28318530717959"},
      {"(((((1)))))", "1"},
      {"max(min(4,5),sqrt(9))", "4"},
      {"1\n+\t1", "2"},
      {"-0", "0"},
      {"0*-1.5", "0"},
  };
  for (const auto& [expression, value] : lines) {
    INFO(expression);
    CHECK(value_of(expression) == value);
  }
}

TEST_CASE("the calculator says what is wrong and where") {
  const std::vector<line> lines{
      {"", "the expression ends where a number is expected at position 1"},
      {"1+", "the expression ends where a number is expected at position 3"},
      {"(1", "expected ')', found the end at position 3"},
      {"1)", "unexpected ')' at position 2"},
      {"1 2", "unexpected '2' at position 3"},
      {"2(3)", "unexpected '(' at position 2"},
      {"2x", "unexpected 'x' at position 2"},
      {"2e", "unexpected 'e' at position 2"},
      {"*2", "unexpected '*' at position 1"},
      {"1/0", "division by zero at position 2"},
      {"1//0", "division by zero at position 2"},
      {"1%0", "division by zero at position 2"},
      {"1/(2-2)", "division by zero at position 2"},
      {"0^-1", "zero to a negative power at position 2"},
      {"(-8)^(1/3)",
       "a fractional power of a negative number is not real at position 5"},
      {"sqrt(-1)", "sqrt of a negative number is not real at position 1"},
      {"ln(0)", "ln needs a number above zero at position 1"},
      {"log(5,1)", "a logarithm to base 1 does not exist at position 1"},
      {"asin(2)", "the argument must be from -1 to 1 at position 1"},
      {"171!", "factorial of more than 170 is out of range at position 4"},
      {"(-1)!",
       "factorial needs an integer that is not negative at position 5"},
      {"2.5!", "factorial needs an integer that is not negative at position 4"},
      {"foo", "unknown name 'foo' at position 1"},
      {"1+foo(2)", "unknown function 'foo' at position 3"},
      {"sqrt()", "sqrt takes 1 arguments, found 0 at position 1"},
      {"sqrt(1,2)", "sqrt takes 1 arguments, found 2 at position 1"},
      {"log(1,2,3)", "log takes 1 or 2 arguments, found 3 at position 1"},
      {"min()", "min takes 1 or more arguments, found 0 at position 1"},
      {"10^400", "the value is out of range at position 3"},
      {"exp(1000)", "the value is out of range at position 1"},
      {"1e999", "the number is out of range at position 1"},
      {"1,000", "unexpected ',' at position 2"},
      {"__import__('os')", "unexpected a character that is not allowed"},
      {"1 \xc3\x97 2",
       "unexpected a character that is not allowed at position 3"},
  };
  for (const auto& [expression, why] : lines) {
    INFO(expression);
    auto got = calculate(expression);
    REQUIRE_FALSE(got);
    CHECK(got.error().code == shannon::errc::invalid_argument);
    if (std::string{expression}.rfind("__", 0) != 0)
      CHECK(got.error().text == why);
  }
}

TEST_CASE("an expression that is too long or nests too deeply is refused") {
  CHECK_FALSE(calculate(std::string(5000, '1')));
  CHECK_FALSE(calculate(std::string(2000, '(') + "1" + std::string(2000, ')')));
  CHECK_FALSE(calculate(std::string(4000, '-') + "1"));
  std::string powers = "1";
  for (int i = 0; i < 1000; ++i)
    powers += "^1";
  CHECK_FALSE(calculate(powers));
  CHECK(calculate(std::string(50, '(') + "1" + std::string(50, ')')));
}

TEST_CASE("only integers without rounding are exact") {
  CHECK(calculate("2^100")->exact);
  CHECK(calculate("6/3")->exact);
  CHECK_FALSE(calculate("2^200")->exact);
  CHECK_FALSE(calculate("7/2")->exact);
}
