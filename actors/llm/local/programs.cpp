#include "actors/llm/local/programs.hpp"

#include "actors/llm/local/pattern.hpp"

#include <cstdio>
#include <functional>

namespace shannon::llm {

namespace {

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

/// The digits of a number with commas; too large ones would run too long.
std::string number(const std::string& text) {
  auto out = text;
  std::erase(out, ',');
  return out.size() > 7 ? "1000000" : out;
}

const std::string n = R"((\d{1,3}(?:,\d{3})+|\d+))";
const std::string range
    = "(?:from |between )?" + n + " ?(?:to|and|through|-|–)" + " ?" + n;
const std::string below
    = "(below|under|less than|smaller than|up to|until|through|<=|<) ";
/// Three or more numbers, or two with a bracket or comma.
const std::string list = R"(:? ?[\[(]?((?:-?\d+(?:\.\d+)?(?:, ?(?:and )?|)"
                         R"( and | ))+-?\d+(?:\.\d+)?)[\])]?)";

bool includes(const std::string& word) {
  return word == "up to" || word == "through" || word == "<="
         || word == "until";
}

std::string upper_end(const match& m, std::size_t word, std::size_t value) {
  return number(m[value]) + (includes(m[word]) ? " + 1" : "");
}

std::string python_list(const std::string& text) {
  static const auto separators = pattern(R"([^0-9.\-]+)");
  return "[" + boost::regex_replace(text, separators, ", ") + "]";
}

const std::string sieve
    = "def primes(stop):\n"
      "    found = []\n"
      "    for n in range(2, stop):\n"
      "        if all(n % p for p in found if p * p <= n):\n"
      "            found.append(n)\n"
      "    return found\n\n";

const std::string fib = "def fibonacci(count):\n"
                        "    row = [0, 1]\n"
                        "    while len(row) < count:\n"
                        "        row.append(row[-1] + row[-2])\n"
                        "    return row[:count]\n\n";

std::string shown(const std::string& row) {
  return "print(', '.join(map(str, " + row + ")))\n";
}

/// The Python condition for a word such as `even`, and the word for a label.
std::string only(const std::string& word) {
  if (word.rfind("even", 0) == 0)
    return " if n % 2 == 0";
  if (word.rfind("odd", 0) == 0)
    return " if n % 2 == 1";
  return {};
}

std::string power_of(const std::string& word) {
  if (word.rfind("square", 0) == 0)
    return "n ** 2";
  if (word.rfind("cube", 0) == 0)
    return "n ** 3";
  return "n";
}

// -- rules --------------------------------------------------------------------

std::vector<rule> prime_rules() {
  std::vector<rule> out;
  out.push_back(
      {pattern("sum (?:of )?(?:all )?(?:the )?primes? (?:numbers )?" + below
               + n),
       [](const match& m, auto) -> found {
         return {sieve + "print(sum(primes(" + upper_end(m, 1, 2) + ")))\n",
                 "The sum of the primes " + m.str(1) + " " + m.str(2) + " is"};
       }});
  out.push_back(
      {pattern("how many primes? (?:numbers )?(?:are )?(?:there )?" + below
               + n),
       [](const match& m, auto) -> found {
         return {sieve + "print(len(primes(" + upper_end(m, 1, 2) + ")))\n",
                 "The number of primes " + m.str(1) + " " + m.str(2) + " is"};
       }});
  out.push_back({pattern("primes? (?:numbers? )?(?:that are )?" + below + n),
                 [](const match& m, auto) -> found {
                   return {sieve + shown("primes(" + upper_end(m, 1, 2) + ")"),
                           "The primes " + m.str(1) + " " + m.str(2) + " are"};
                 }});
  out.push_back({pattern("primes? (?:numbers? )?(?:from |between )" + n
                         + " ?(?:to|and|through) ?" + n),
                 [](const match& m, auto) -> found {
                   return {sieve
                               + shown("[p for p in primes(" + number(m[2])
                                       + " + 1) if p >= " + number(m[1]) + "]"),
                           "The primes from " + m.str(1) + " to " + m.str(2)
                               + " are"};
                 }});
  out.push_back(
      {pattern("first " + n + " primes?"), [](const match& m, auto) -> found {
         return {"found, n = [], 2\nwhile len(found) < " + number(m[1])
                     + ":\n"
                       "    if all(n % p for p in found if p * p <= "
                       "n):\n"
                       "        found.append(n)\n    n += 1\n"
                     + shown("found"),
                 "The first " + m.str(1) + " primes are"};
       }});
  auto factors = [](const match& m, auto) -> found {
    return {"n, p, found = " + number(m[1])
                + ", 2, []\nwhile p * p <= n:\n"
                  "    while n % p == 0:\n"
                  "        found.append(p)\n        n //= p\n    p += 1\n"
                  "if n > 1:\n    found.append(n)\n"
                  "print(' * '.join(map(str, found)))\n",
            m.str(1) + " in prime factors is"};
  };
  out.push_back({pattern("prime factor(?:s|i[sz]ation)? of " + n), factors});
  out.push_back({pattern("factori[sz]e (?:the number )?" + n), factors});
  out.push_back(
      {pattern("(?:is|whether|if) " + n + " (?:is )?(?:a )?prime(?: number)?"),
       [](const match& m, auto) -> found {
         return {"n = " + number(m[1])
                     + "\nprime = n > 1 and all(n % d for d in "
                       "range(2, int(n ** 0.5) + 1))\n"
                       "print('a prime' if prime else 'no prime')\n",
                 m.str(1) + " is"};
       }});
  return out;
}

std::vector<rule> sequence_rules() {
  std::vector<rule> out;
  out.push_back(
      {pattern("fibonacci (?:numbers?|sequence|series)?(?: that are)?"
               " ?"
               + below + n),
       [](const match& m, auto) -> found {
         return {"a, b, row = 0, 1, []\nwhile a < " + upper_end(m, 1, 2)
                     + ":\n    row.append(a)\n    a, b = b, a + b\n"
                     + shown("row"),
                 "The Fibonacci numbers " + m.str(1) + " " + m.str(2) + " are"};
       }});
  out.push_back({pattern("first " + n
                         + " (?:numbers|terms|values|elements)?"
                           "(?: (?:of|in) the )?(?: ?)fibonacci"),
                 [](const match& m, auto) -> found {
                   return {fib + shown("fibonacci(" + number(m[1]) + ")"),
                           "The first " + m.str(1) + " Fibonacci numbers are"};
                 }});
  out.push_back({pattern(n + "(?:st|nd|rd|th) fibonacci(?: number)?"),
                 [](const match& m, auto) -> found {
                   return {
                       fib + "print(fibonacci(" + number(m[1]) + " + 1)[-1])\n",
                       "Fibonacci number " + m.str(1) + " (from F0 = 0) is"};
                 }});
  out.push_back({pattern(R"(fibonacci(?: number)?(?: of)? ?\(?)" + n),
                 [](const match& m, auto) -> found {
                   return {
                       fib + "print(fibonacci(" + number(m[1]) + " + 1)[-1])\n",
                       "Fibonacci number " + m.str(1) + " (from F0 = 0) is"};
                 }});
  out.push_back({pattern(n + " fibonacci (?:numbers|terms)"),
                 [](const match& m, auto) -> found {
                   return {fib + shown("fibonacci(" + number(m[1]) + ")"),
                           "The first " + m.str(1) + " Fibonacci numbers are"};
                 }});
  out.push_back({pattern("fibonacci (?:numbers|sequence|series)"),
                 [](const match&, auto) -> found {
                   return {fib + shown("fibonacci(10)"),
                           "The first 10 Fibonacci numbers are"};
                 }});
  const std::string what = "(even |odd )?(?:positive |natural |whole )?"
                           "(even |odd )?(integers|numbers|squares|cubes)";
  auto kind = [](const match& m) { return m.str(1) + m.str(2) + m.str(3); };
  out.push_back(
      {pattern("sum (?:of )?(?:all )?(?:the )?first " + n + " " + what),
       [](const match& m, auto) -> found {
         auto word = m.str(2) + m.str(3);
         auto row = word.rfind("even", 0) == 0  ? "2 * n"
                    : word.rfind("odd", 0) == 0 ? "2 * n - 1"
                                                : power_of(m[4]);
         return {"print(sum(" + row + " for n in range(1, " + number(m[1])
                     + " + 1)))\n",
                 "The sum of the first " + m.str(1) + " " + word + m.str(4)
                     + " is"};
       }});
  out.push_back({pattern("(?:sum|add)(?: up)? (?:of )?(?:all )?(?:the )?" + what
                         + " (?:of )?(?:the )?(?:numbers |integers )?" + range),
                 [kind](const match& m, auto) -> found {
                   return {"print(sum(" + power_of(m[3]) + " for n in range("
                               + number(m[4]) + ", " + number(m[5]) + " + 1)"
                               + only(m.str(1) + m.str(2)) + "))\n",
                           "The sum of the " + kind(m) + " from " + m.str(4)
                               + " to " + m.str(5) + " is"};
                 }});
  out.push_back({pattern("(?:sum|add)(?: up)? (?:of )?(?:all )?(?:the )?" + what
                         + " " + below + n),
                 [kind](const match& m, auto) -> found {
                   return {"print(sum(" + power_of(m[3]) + " for n in range(1, "
                               + upper_end(m, 4, 5) + ")"
                               + only(m.str(1) + m.str(2)) + "))\n",
                           "The sum of the " + kind(m) + " " + m.str(4) + " "
                               + m.str(5) + " is"};
                 }});
  out.push_back({pattern("(?:sum|add up) (?:of )?(?:from )?" + n
                         + " ?(?:to|through) ?" + n),
                 [](const match& m, auto) -> found {
                   return {"print(sum(range(" + number(m[1]) + ", "
                               + number(m[2]) + " + 1)))\n",
                           "The sum of the numbers from " + m.str(1) + " to "
                               + m.str(2) + " is"};
                 }});
  out.push_back(
      {pattern("first " + n + " (even|odd) (?:numbers|integers)"),
       [](const match& m, auto) -> found {
         bool even = m.str(2) == "even";
         return {shown("[" + std::string{even ? "2 * n" : "2 * n - 1"}
                       + " for n in range(1, " + number(m[1]) + " + 1)]"),
                 "The first " + m.str(1) + " " + m.str(2) + " numbers are"};
       }});
  out.push_back({pattern("first " + n + " (squares?|cubes?)(?: numbers)?"),
                 [](const match& m, auto) -> found {
                   return {shown("[" + power_of(m[2]) + " for n in range(1, "
                                 + number(m[1]) + " + 1)]"),
                           "The first " + m.str(1) + " " + m.str(2) + " are"};
                 }});
  out.push_back({pattern("(squares|cubes) (?:of )?(?:all )?(?:the )?"
                         "(?:numbers |integers )?"
                         + range),
                 [](const match& m, auto) -> found {
                   return {shown("[" + power_of(m[1]) + " for n in range("
                                 + number(m[2]) + ", " + number(m[3])
                                 + " + 1)]"),
                           "The " + m.str(1) + " from " + m.str(2) + " to "
                               + m.str(3) + " are"};
                 }});
  out.push_back({pattern("(even|odd) (?:numbers|integers) " + below + n),
                 [](const match& m, auto) -> found {
                   return {shown("[n for n in range(1, " + upper_end(m, 2, 3)
                                 + ")" + only(m[1]) + "]"),
                           "The " + m.str(1) + " numbers " + m.str(2) + " "
                               + m.str(3) + " are"};
                 }});
  out.push_back({pattern("(even|odd) (?:numbers|integers) " + range),
                 [](const match& m, auto) -> found {
                   return {shown("[n for n in range(" + number(m[2]) + ", "
                                 + number(m[3]) + " + 1)" + only(m[1]) + "]"),
                           "The " + m.str(1) + " numbers from " + m.str(2)
                               + " to " + m.str(3) + " are"};
                 }});
  out.push_back(
      {pattern("(?:multiplication|times) table (?:of|for) (?:the number )?"
               + n),
       [](const match& m, auto) -> found {
         return {"for n in range(1, 11):\n    print(f'" + number(m[1])
                     + " x {n} = {" + number(m[1]) + " * n}')\n",
                 "The multiplication table of " + m.str(1) + " is"};
       }});
  return out;
}

std::vector<rule> list_rules() {
  std::vector<rule> out;
  out.push_back({pattern("(?:mean|average) of (?:all )?(?:the )?"
                         "(?:numbers|integers) "
                         + range),
                 [](const match& m, auto) -> found {
                   return {"print((" + number(m[1]) + " + " + number(m[2])
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
                   return {"import math\n\nprint(math.gcd(" + number(m[1])
                               + ", " + number(m[2]) + "))\n",
                           "The greatest common divisor of " + m.str(1)
                               + " and " + m.str(2) + " is"};
                 }});
  out.push_back({pattern("(?:lcm|least common multiple) (?:of )?"
                         R"(\(?)"
                         + n + "(?: and |, ?)" + n),
                 [](const match& m, auto) -> found {
                   return {"import math\n\nprint(math.lcm(" + number(m[1])
                               + ", " + number(m[2]) + "))\n",
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
  return out;
}

std::vector<rule> other_rules() {
  std::vector<rule> out;
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
                     + "(" + number(m[1]) + ")[2:])\n";
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

const std::vector<rule>& rules() {
  static const auto all = [] {
    std::vector<rule> out;
    for (auto part : {prime_rules, sequence_rules, list_rules, other_rules})
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
      auto made = one.make(*at, original);
      if (!made.code.empty())
        out.push_back({where, std::move(made.code), std::move(made.label)});
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
