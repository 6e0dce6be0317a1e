#pragma once

#include "actors/llm/local/pattern.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// What the files of rules share.
namespace shannon::llm {

using match = boost::smatch;

struct found {
  std::string code;
  std::string label;
};

/// A pattern and the program it stands for. An empty code is no match.
struct rule {
  boost::regex pattern;
  std::function<found(const match&, std::string_view original)> make;
};

/// A number is beyond what a rule may ask of a program.
struct too_large {};

/// The digits of a number with commas. Throws too_large if they are more than
/// `most`: a count or the end of a row would run too long.
inline std::string number(const std::string& text, std::size_t most = 7) {
  auto out = text;
  std::erase(out, ',');
  if (out.size() > most)
    throw too_large{};
  return out;
}

/// A number that is computed with, not counted to.
inline std::string value(const std::string& text) {
  return number(text, 15);
}

/// Pieces of patterns: a number, a row from one to another, the end of one.
inline const std::string n = R"((\d{1,3}(?:,\d{3})+|\d+))";
inline const std::string range
    = "(?:from |between )?" + n + " ?(?:to|and|through|-|–)" + " ?" + n;
inline const std::string below
    = "(below|under|less than|smaller than|up to|until|through|<=|<) ";

inline bool includes(const std::string& word) {
  return word == "up to" || word == "through" || word == "<="
         || word == "until";
}

/// The end of a row as Python's `range` wants it.
inline std::string upper_end(const match& m, int word, int end) {
  return number(m[end]) + (includes(m[word]) ? " + 1" : "");
}

/// Prints a row in one line.
inline std::string shown(const std::string& row) {
  return "print(', '.join(map(str, " + row + ")))\n";
}

/// Each file's rules; the more special ones first.
std::vector<rule> prime_rules();
std::vector<rule> sequence_rules();
std::vector<rule> list_rules();

} // namespace shannon::llm
