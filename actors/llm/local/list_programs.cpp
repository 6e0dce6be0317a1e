#include "actors/llm/local/program_rules.hpp"
#include "actors/llm/local/programs.hpp"

namespace shannon::llm {

namespace {

/// Three or more numbers, or two with a bracket or comma.
const std::string list = R"(:? ?[\[(]?((?:-?\d+(?:\.\d+)?(?:, ?(?:and )?|)"
                         R"( and | ))+-?\d+(?:\.\d+)?)[\])]?)";

std::string python_list(const std::string& text) {
  static const auto separators = pattern(R"([^0-9.\-]+)");
  return "[" + boost::regex_replace(text, separators, ", ") + "]";
}

} // namespace

std::vector<rule> list_rules() {
  std::vector<rule> out;
  out.push_back({pattern("(?:mean|average) of (?:all )?(?:the )?"
                         "(?:numbers|integers) "
                         + range),
                 [](const match& m, auto) -> found {
                   return {"print((" + value(m[1]) + " + " + value(m[2])
                               + ") / 2)\n",
                           "The mean of the numbers from " + m.str(1) + " to "
                               + m.str(2) + " is"};
                 }});
  out.push_back(
      {pattern("(?:numbers|integers) " + range),
       [](const match& m, auto) -> found {
         return {shown("range(" + number(m[1]) + ", " + number(m[2]) + " + 1)"),
                 "The numbers from " + m.str(1) + " to " + m.str(2) + " are"};
       }});
  out.push_back({pattern("sort (?:this |these |the )?(?:list |numbers )?"
                         "(?:of numbers )?(in descending order |descending )?"
                         + list + "( (?:in )?descending| from largest)?"),
                 [](const match& m, auto) -> found {
                   bool down = m[1].matched || m[3].matched;
                   return {shown("sorted(" + python_list(m[2])
                                 + (down ? ", reverse=True)" : ")")),
                           std::string{"In "}
                               + (down ? "descending" : "ascending")
                               + " order the numbers are"};
                 }});
  const std::string stat = "(mean|average|median|mode|standard deviation|"
                           "std ?dev|stdev|variance|range|minimum|maximum|min|"
                           "max|largest|smallest|total|sum)";
  out.push_back(
      {pattern("(" + stat + R"((?:(?:, | and |, and )(?:the )?)" + stat
               + ")*) (?:of |for )?(?:the )?(?:following )?"
                 "(?:numbers|values|list|data|dataset|integers)?"
                 "(?: in)?(?: the list)?"
               + list),
       [](const match& m, auto) -> found {
         auto asked = m.str(1);
         auto data = python_list(m[4]);
         std::string code = "import statistics\n\ndata = " + data + "\n";
         int count = 0;
         bool plain = false;
         auto add = [&](std::initializer_list<const char*> names,
                        const char* label, const char* value) {
           for (std::string name : names)
             if (boost::regex_search(asked, pattern("\\b" + name + "\\b"))) {
               code += std::string{"print('"} + label + ":', " + value + ")\n";
               ++count;
               return true;
             }
           return false;
         };
         plain |= add({"mean", "average"}, "mean", "statistics.mean(data)");
         add({"median"}, "median", "statistics.median(data)");
         add({"mode"}, "mode", "statistics.mode(data)");
         add({"standard deviation", "std ?dev", "stdev"}, "standard deviation",
             "statistics.stdev(data)");
         add({"variance"}, "variance", "statistics.variance(data)");
         plain |= add({"total", "sum"}, "sum", "sum(data)");
         add({"minimum", "min", "smallest"}, "minimum", "min(data)");
         add({"maximum", "max", "largest"}, "maximum", "max(data)");
         add({"range"}, "range", "max(data) - min(data)");
         // The calculator does those alone.
         if (count == 0 || (count == 1 && plain))
           return {};
         return {code, "Of " + data + ":"};
       }});
  out.push_back({pattern("(?:gcd|greatest common (?:divisor|factor)) (?:of )?"
                         R"(\(?)"
                         + n + "(?: and |, ?)" + n),
                 [](const match& m, auto) -> found {
                   return {"import math\n\nprint(math.gcd(" + value(m[1]) + ", "
                               + value(m[2]) + "))\n",
                           "The greatest common divisor of " + m.str(1)
                               + " and " + m.str(2) + " is"};
                 }});
  out.push_back({pattern("(?:lcm|least common multiple) (?:of )?"
                         R"(\(?)"
                         + n + "(?: and |, ?)" + n),
                 [](const match& m, auto) -> found {
                   return {"import math\n\nprint(math.lcm(" + value(m[1]) + ", "
                               + value(m[2]) + "))\n",
                           "The least common multiple of " + m.str(1) + " and "
                               + m.str(2) + " is"};
                 }});
  out.push_back(
      {pattern("divisors of " + n), [](const match& m, auto) -> found {
         return {"n = " + number(m[1]) + "\n"
                     + shown("[d for d in range(1, n + 1) if n % d "
                             "== 0]"),
                 "The divisors of " + m.str(1) + " are"};
       }});
  const std::string base = "(?:binary|hexadecimal|hex|octal)";
  out.push_back(
      {pattern(n + " (?:in|to|into|as) (" + base
               + "(?:(?:, | and |, and )(?:to |in |into )?" + base + ")*)"),
       [](const match& m, auto) -> found {
         auto asked = m.str(2);
         bool many = asked.find(' ') != asked.npos;
         std::string code;
         for (auto [word, call] :
              {std::pair{"binary", "bin"}, std::pair{"octal", "oct"},
               std::pair{"hex", "hex"}})
           if (asked.find(word) != asked.npos)
             code += std::string{"print("}
                     + (many ? "'" + std::string{word} + ":', " : "") + call
                     + "(" + value(m[1]) + ")[2:])\n";
         return {code, m.str(1) + (many ? "" : " in " + asked) + " is"};
       }});
  const std::string date = R"((\d{4}-\d{2}-\d{2}))";
  out.push_back({pattern("days (?:are )?(?:there )?(?:between|from) " + date
                         + " (?:and|to|until) " + date),
                 [](const match& m, auto) -> found {
                   return {"from datetime import date\n\nprint(abs((date."
                           "fromisoformat('"
                               + m.str(2) + "') - date.fromisoformat('"
                               + m.str(1) + "')).days))\n",
                           "The number of days between " + m.str(1) + " and "
                               + m.str(2) + " is"};
                 }});
  out.push_back(
      {pattern("(?:day of the week|weekday|what day)[^.?!]{0,30}? " + date),
       [](const match& m, auto) -> found {
         return {"from datetime import date\n\nprint(date."
                 "fromisoformat('"
                     + m.str(1) + "').strftime('%A'))\n",
                 m.str(1) + " is a"};
       }});
  const std::string text = R"(["'`]([^"'`]{1,500})["'`])";
  auto of = [](const match& m, std::string_view original) {
    auto last = static_cast<int>(m.size()) - 1;
    auto at = static_cast<std::size_t>(m.position(last));
    return original.substr(at, static_cast<std::size_t>(m.length(last)));
  };
  out.push_back({pattern("reverse (?:of )?(?:the )?(?:string |word |text |"
                         "sentence )?(?:of )?"
                         + text),
                 [of](const match& m, std::string_view original) -> found {
                   return {"print(" + python_literal(of(m, original))
                               + "[::-1])\n",
                           "Reversed it is"};
                 }});
  out.push_back(
      {pattern("(words|letters|characters|vowels)[^\"'`.]{0,40}" + text),
       [of](const match& m, std::string_view original) -> found {
         auto what = m.str(1);
         auto count = what == "words"     ? "len(text.split())"
                      : what == "letters" ? "sum(c.isalpha() for c in text)"
                      : what == "vowels"
                          ? "sum(c in 'aeiou' for c in text.lower())"
                          : "len(text)";
         return {"text = " + python_literal(of(m, original)) + "\nprint("
                     + count + ")\n",
                 "The number of " + what + " is"};
       }});
  out.push_back({pattern("(?:is|whether|if) (?:the word )?" + text
                         + "(?: is)? an? palindrome"),
                 [](const match& m, std::string_view original) -> found {
                   auto word = original.substr(
                       static_cast<std::size_t>(m.position(1)),
                       static_cast<std::size_t>(m.length(1)));
                   return {"text = [c for c in " + python_literal(word)
                               + ".lower() if c.isalnum()]\n"
                                 "print('a palindrome' if text == text[::-1] "
                                 "else 'no palindrome')\n",
                           "\"" + std::string{word} + "\" is"};
                 }});
  return out;
}

} // namespace shannon::llm
