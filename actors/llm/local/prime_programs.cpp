#include "actors/llm/local/program_rules.hpp"

namespace shannon::llm {

namespace {

const std::string sieve
    = "def primes(stop):\n"
      "    found = []\n"
      "    for n in range(2, stop):\n"
      "        if all(n % p for p in found if p * p <= n):\n"
      "            found.append(n)\n"
      "    return found\n\n";

} // namespace

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
    return {"n, p, found = " + value(m[1])
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
         return {"n = " + value(m[1])
                     + "\nprime = n > 1 and all(n % d for d in "
                       "range(2, int(n ** 0.5) + 1))\n"
                       "print('a prime' if prime else 'no prime')\n",
                 m.str(1) + " is"};
       }});
  return out;
}

} // namespace shannon::llm
