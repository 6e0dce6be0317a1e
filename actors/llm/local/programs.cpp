#include "actors/llm/local/programs.hpp"

#include "actors/llm/local/program_rules.hpp"

#include <cstdio>

namespace shannon::llm {

namespace {

const std::vector<rule>& rules() {
  static const auto all = [] {
    std::vector<rule> out;
    for (auto part : {prime_rules, sequence_rules, list_rules})
      for (auto& one : part())
        out.push_back(std::move(one));
    return out;
  }();
  return all;
}

} // namespace

std::vector<program_phrase> find_programs(const std::string& text,
                                          std::string_view original) {
  std::vector<program_phrase> out;
  for (const auto& one : rules()) {
    auto end = boost::sregex_iterator{};
    for (auto at
         = boost::sregex_iterator{text.begin(), text.end(), one.pattern};
         at != end; ++at) {
      span where{static_cast<std::size_t>(at->position()),
                 static_cast<std::size_t>(at->position() + at->length())};
      // The more special rules come first.
      bool taken = false;
      for (const auto& other : out)
        taken |= other.where.overlaps(where);
      if (taken)
        continue;
      try {
        auto made = one.make(*at, original);
        if (!made.code.empty())
          out.push_back({where, std::move(made.code), std::move(made.label)});
      } catch (const too_large&) {
        // No rule for so much: another may fit, else it is said.
      }
    }
  }
  return out;
}

std::vector<text_program> find_text_programs(const std::string& text) {
  struct line {
    boost::regex pattern;
    const char* body;
    const char* label;
  };
  const std::string numbers = "(?:all )?(?:of )?(?:the )?(?:its )?"
                              "(?:numbers|values|figures)";
  static const std::vector<line> lines{
      {pattern("(?:count|how many|number of)[^.;,]{0,20}\\bwords"),
       "print(len(text.split()))\n", "The number of words is"},
      {pattern("(?:count|how many|number of)[^.;,]{0,20}\\blines"),
       "print(len(text.splitlines()))\n", "The number of lines is"},
      {pattern("(?:count|how many|number of)[^.;,]{0,20}\\bcharacters"),
       "print(len(text))\n", "The number of characters is"},
      {pattern("(?:sum(?: up)?|add(?: up)?|total)(?: of)? " + numbers),
       "print(sum(numbers))\n", "The sum of its numbers is"},
      {pattern("(?:average|mean)(?: of)? " + numbers),
       "print(sum(numbers) / len(numbers))\n", "The mean of its numbers is"},
      {pattern("(?:largest|biggest|maximum|highest) (?:number|value)"),
       "print(max(numbers))\n", "The largest of its numbers is"},
      {pattern("(?:smallest|minimum|lowest) (?:number|value)"),
       "print(min(numbers))\n", "The smallest of its numbers is"},
  };
  std::vector<text_program> out;
  for (const auto& one : lines) {
    boost::smatch m;
    if (!boost::regex_search(text, m, one.pattern))
      continue;
    std::string body = one.body;
    if (body.find("numbers") != body.npos)
      body
          = "import re\n\nnumbers = [float(n) if '.' in n else int(n) for n in "
            "re.findall(r'-?\\d+(?:\\.\\d+)?', text)]\n"
            + body;
    out.push_back({{static_cast<std::size_t>(m.position()),
                    static_cast<std::size_t>(m.position() + m.length())},
                   std::move(body),
                   one.label});
  }
  return out;
}

std::string python_literal(std::string_view text) {
  std::string out = "'";
  for (char c : text) {
    auto u = static_cast<unsigned char>(c);
    if (c == '\'' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (u < 0x20 || u == 0x7F) {
      char code[8];
      std::snprintf(code, sizeof(code), "\\x%02x", u);
      out += code;
    } else {
      out += c;
    }
  }
  return out + "'";
}

} // namespace shannon::llm
