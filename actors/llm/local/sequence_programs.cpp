#include "actors/llm/local/program_rules.hpp"

namespace shannon::llm {

namespace {

const std::string fib = "def fibonacci(count):\n"
                        "    row = [0, 1]\n"
                        "    while len(row) < count:\n"
                        "        row.append(row[-1] + row[-2])\n"
                        "    return row[:count]\n\n";

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

} // namespace

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
                   return {fib + shown("fibonacci(" + number(m[1], 4) + ")"),
                           "The first " + m.str(1) + " Fibonacci numbers are"};
                 }});
  out.push_back(
      {pattern(n + "(?:st|nd|rd|th) fibonacci(?: number)?"),
       [](const match& m, auto) -> found {
         return {fib + "print(fibonacci(" + number(m[1], 4) + " + 1)[-1])\n",
                 "Fibonacci number " + m.str(1) + " (from F0 = 0) is"};
       }});
  out.push_back(
      {pattern(R"(fibonacci(?: number)?(?: of)? ?\(?)" + n),
       [](const match& m, auto) -> found {
         return {fib + "print(fibonacci(" + number(m[1], 4) + " + 1)[-1])\n",
                 "Fibonacci number " + m.str(1) + " (from F0 = 0) is"};
       }});
  out.push_back({pattern(n + " fibonacci (?:numbers|terms)"),
                 [](const match& m, auto) -> found {
                   return {fib + shown("fibonacci(" + number(m[1], 4) + ")"),
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

} // namespace shannon::llm
