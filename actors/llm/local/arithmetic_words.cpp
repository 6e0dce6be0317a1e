#include "actors/llm/local/arithmetic_words.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace shannon::llm {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return c >= 'a' && c <= 'z';
}

std::string_view number_word(std::string_view word) {
  using pair = std::pair<std::string_view, std::string_view>;
  static constexpr std::array words{
      pair{"zero", "0"},      pair{"one", "1"},       pair{"two", "2"},
      pair{"three", "3"},     pair{"four", "4"},      pair{"five", "5"},
      pair{"six", "6"},       pair{"seven", "7"},     pair{"eight", "8"},
      pair{"nine", "9"},      pair{"ten", "10"},      pair{"eleven", "11"},
      pair{"twelve", "12"},   pair{"thirteen", "13"}, pair{"fourteen", "14"},
      pair{"fifteen", "15"},  pair{"sixteen", "16"},  pair{"seventeen", "17"},
      pair{"eighteen", "18"}, pair{"nineteen", "19"}, pair{"twenty", "20"},
      pair{"thirty", "30"},   pair{"forty", "40"},    pair{"fifty", "50"},
      pair{"sixty", "60"},    pair{"seventy", "70"},  pair{"eighty", "80"},
      pair{"ninety", "90"},   pair{"hundred", "100"}, pair{"thousand", "1000"}};
  for (auto [name, value] : words)
    if (name == word)
      return value;
  return {};
}

/// The end of the number at `at`: digits, thousands with commas, a fraction.
std::size_t number_end(std::string_view text, std::size_t at) {
  auto end = at;
  while (end < text.size() && is_digit(text[end]))
    ++end;
  auto thousands = [&] {
    return end - at <= 3 || text.substr(at, end - at).find(',') != text.npos;
  };
  while (end + 3 < text.size() && text[end] == ',' && thousands()
         && is_digit(text[end + 1]) && is_digit(text[end + 2])
         && is_digit(text[end + 3])
         && (end + 4 == text.size() || !is_digit(text[end + 4])))
    end += 4;
  if (end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1])) {
    ++end;
    while (end < text.size() && is_digit(text[end]))
      ++end;
  }
  return end;
}

} // namespace

std::vector<token> tokens_of(std::string_view text) {
  using kind = token::kind;
  std::vector<token> out;
  for (std::size_t at = 0; at < text.size();) {
    char c = text[at];
    // Currency signs add nothing: $, and the UTF-8 of € and £.
    if (c == ' ' || c == '\t' || c == '$') {
      ++at;
      continue;
    }
    bool glued = at > 0 && text[at - 1] != ' ';
    auto end = at + 1;
    auto what = kind::sign;
    if (is_digit(c)) {
      end = number_end(text, at);
      what = kind::number;
      // A version, an address, a name such as v2: no number to compute with.
      bool part = (at > 0 && (is_letter(text[at - 1]) || text[at - 1] == '_'))
                  && text[at - 1] != 'x';
      bool dotted = end + 1 < text.size() && text[end] == '.'
                    && is_digit(text[end + 1]);
      if (part || dotted) {
        while (end < text.size() && (is_digit(text[end]) || text[end] == '.'))
          ++end;
        what = kind::sign;
      }
    } else if (is_letter(c)) {
      while (end < text.size()
             && (is_letter(text[end]) || text[end] == '\''
                 || (is_digit(text[end]) && text.substr(at, 3) == "log")))
        ++end;
      what = kind::word;
      if (text.substr(at, end - at) == "x" && end < text.size()
          && is_digit(text[end]))
        what = kind::sign;
    } else if (text.substr(at, 2) == "**" || text.substr(at, 2) == "//") {
      end = at + 2;
    } else if (text.substr(at, 2) == "\xC3\x97"
               || text.substr(at, 2) == "\xC3\xB7") {
      end = at + 2; // × and ÷
    }
    std::string word{text.substr(at, end - at)};
    std::string value = word;
    if (what == kind::number)
      std::erase(value, ',');
    if (what == kind::word)
      if (auto digits = number_word(word); !digits.empty()) {
        what = kind::number;
        value = digits;
      }
    if (word == "\xC3\x97" || (what == kind::sign && word == "x"))
      value = "*";
    if (word == "\xC3\xB7")
      value = "/";
    out.push_back({what, std::move(value), {at, end}, glued});
    at = end;
  }
  return out;
}

} // namespace shannon::llm
