#include "actors/llm/local/task_text.hpp"

#include <algorithm>

namespace shannon::llm {

namespace {

/// How the agent loop sets off what it adds to a task.
constexpr std::string_view larger_task = "\n\nThis is part of a larger task: ";
constexpr std::string_view result_of = "\n\nResult of ";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

} // namespace

task_text read_task(std::string_view message) {
  task_text out;
  auto first_result = message.find(result_of);
  auto own = message.substr(0, first_result);
  own = own.substr(0, own.find(larger_task));
  out.own = own.substr(0, task_bytes_max);
  while (first_result != message.npos) {
    message.remove_prefix(first_result + result_of.size());
    first_result = message.find(result_of);
    auto one = message.substr(0, first_result);
    auto colon = one.find(":\n");
    if (colon != one.npos)
      out.results.emplace_back(trimmed(one.substr(colon + 2)));
  }
  return out;
}

std::string lowered(std::string_view text) {
  std::string out{text};
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view trimmed(std::string_view text) {
  constexpr auto blanks = " \t\r\n";
  auto begin = text.find_first_not_of(blanks);
  if (begin == text.npos)
    return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::string masked(std::string text, const std::vector<span>& spans) {
  for (const auto& one : spans)
    std::fill(text.begin() + static_cast<std::ptrdiff_t>(one.begin),
              text.begin()
                  + static_cast<std::ptrdiff_t>(std::min(one.end, text.size())),
              '\x01');
  return text;
}

std::string_view clause_before(std::string_view text, std::size_t at) {
  auto before = text.substr(0, at);
  std::size_t begin = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    char c = before[i];
    bool ends = c == ';' || c == '\n' || c == ':'
                || ((c == ',' || c == '.' || c == '?' || c == '!')
                    && i + 1 < before.size() && before[i + 1] == ' ');
    if (ends)
      begin = i + 1;
    else if (before.substr(i, 6) == " then ")
      begin = i + 6;
  }
  return before.substr(begin);
}

std::string last_number(std::string_view text) {
  for (auto end = text.size(); end > 0; --end) {
    if (!is_digit(text[end - 1]))
      continue;
    auto begin = end;
    while (begin > 0
           && (is_digit(text[begin - 1])
               || ((text[begin - 1] == '.' || text[begin - 1] == ',')
                   && begin > 1 && is_digit(text[begin - 2]))))
      --begin;
    std::string number{text.substr(begin, end - begin)};
    std::erase(number, ',');
    bool negative = begin > 0 && text[begin - 1] == '-'
                    && (begin == 1 || text[begin - 2] == ' ');
    return negative ? "-" + number : number;
  }
  return {};
}

std::string excerpt(std::string_view text, std::size_t most) {
  text = trimmed(text);
  if (text.size() <= most)
    return std::string{text};
  auto head = text.substr(0, most);
  auto sentence = head.rfind(". ");
  if (sentence != head.npos && sentence > most / 3)
    return std::string{head.substr(0, sentence + 1)} + " …";
  auto word = head.find_last_of(" \n");
  if (word != head.npos && word > most / 2)
    return std::string{trimmed(head.substr(0, word))} + " …";
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80)
    --most;
  return std::string{text.substr(0, most)} + "…";
}

} // namespace shannon::llm
