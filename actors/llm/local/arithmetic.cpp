#include "actors/llm/local/arithmetic.hpp"

#include "actors/llm/local/arithmetic_words.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace shannon::llm {

namespace {

// -- sentences ----------------------------------------------------------------

constexpr int depth_max = 40;

/// Reads one phrase by recursive descent. Every function leaves the position
/// where it was when it finds nothing.
class phrase_reader {
public:
  phrase_reader(const std::vector<token>& all, std::size_t at)
      : all_(all), at_(at) {}

  std::optional<std::string> read() {
    auto got = command();
    if (!got) {
      at_ = begin_;
      got = sum();
    }
    return got && operations_ > 0 ? got : std::nullopt;
  }

  std::size_t end() const {
    return at_;
  }
  /// It uses a sign between numbers that also stands in dates and ranges, and
  /// nothing else.
  bool is_doubtful() const {
    return operations_ == doubtful_;
  }

private:
  using text = std::optional<std::string>;

  const token* peek(std::size_t ahead = 0) const {
    return at_ + ahead < all_.size() ? &all_[at_ + ahead] : nullptr;
  }
  bool is(std::string_view word, std::size_t ahead = 0) const {
    const auto* next = peek(ahead);
    return next && next->what != token::kind::number && next->text == word;
  }
  /// Takes these words if all of them come next.
  bool take(std::initializer_list<std::string_view> words) {
    std::size_t i = 0;
    for (auto word : words)
      if (!is(word, i++))
        return false;
    at_ += words.size();
    return true;
  }
  bool take(std::string_view word) {
    return take({word});
  }
  /// Runs `what`; goes back to where it was if that gives nothing.
  template <class F>
  text attempt(F what) {
    auto at = at_;
    auto operations = operations_;
    auto doubtful = doubtful_;
    auto got = what();
    if (!got) {
      at_ = at;
      operations_ = operations;
      doubtful_ = doubtful;
    }
    return got;
  }
  std::string count(std::string expression) {
    ++operations_;
    return expression;
  }
  /// Parentheses where precedence could change.
  static std::string group(const std::string& part) {
    bool simple = part.find_first_of(" ") == part.npos;
    return simple || (part.front() == '(' && closes_at_end(part))
               ? part
               : "(" + part + ")";
  }
  static bool closes_at_end(const std::string& part) {
    int depth = 0;
    for (std::size_t i = 0; i < part.size(); ++i) {
      depth += part[i] == '(';
      depth -= part[i] == ')';
      if (depth == 0 && i + 1 < part.size())
        return false;
    }
    return true;
  }

  // "divide 10 by 4", "multiply it by 3", "add 5 to the result"
  text command() {
    auto two = [&](std::initializer_list<std::string_view> between, char sign,
                   bool reversed = false) {
      return attempt([&]() -> text {
        auto a = power();
        if (!a)
          return a;
        if (std::none_of(between.begin(), between.end(),
                         [&](auto word) { return take(word); }))
          return std::nullopt;
        auto b = power();
        if (!b)
          return b;
        return count(reversed ? group(*b) + " " + sign + " " + group(*a)
                              : group(*a) + " " + sign + " " + group(*b));
      });
    };
    if (take("add"))
      return two({"and", "to", "plus", "with"}, '+');
    if (take("subtract"))
      return two({"from"}, '-', true);
    if (take("multiply"))
      return two({"by", "and", "with"}, '*');
    if (take("divide"))
      return two({"by"}, '/');
    if (take("raise"))
      return attempt([&] { return sum(); });
    auto one = [&](std::string_view before, std::string_view after) -> text {
      auto a = attempt([&] { return primary(); });
      if (!a)
        return a;
      return count(std::string{before} + group(*a) + std::string{after});
    };
    if (take("double"))
      return one("2 * ", "");
    if (take("triple"))
      return one("3 * ", "");
    if (take("halve"))
      return one("", " / 2");
    if (take("square"))
      return one("", "^2");
    if (take("cube"))
      return one("", "^3");
    for (auto [word, sign] :
         {std::pair{"increase", '+'}, std::pair{"decrease", '-'},
          std::pair{"reduce", '-'}})
      if (take(word))
        return attempt([&]() -> text {
          auto a = power();
          if (!a || !take("by"))
            return std::nullopt;
          auto share = percent();
          if (share)
            return count(group(*a) + " * (1 " + sign + " " + *share + ")");
          auto b = power();
          if (!b)
            return b;
          return count(group(*a) + " " + sign + " " + group(*b));
        });
    return std::nullopt;
  }

  text sum() {
    // A stack holds only so many parentheses.
    if (depth_ >= depth_max)
      return std::nullopt;
    ++depth_;
    auto got = terms();
    --depth_;
    return got;
  }

  text terms() {
    auto left = product();
    while (left) {
      auto more = attempt([&]() -> text {
        char sign = 0;
        bool doubtful = false;
        if (take("+") || take("plus"))
          sign = '+';
        else if (is("-")) {
          doubtful = peek()->glued;
          ++at_;
          sign = '-';
        } else if (take("minus"))
          sign = '-';
        if (sign == 0)
          return std::nullopt;
        auto right = product();
        if (!right)
          return right;
        doubtful_ += doubtful;
        return count(*left + " " + sign + " " + *right);
      });
      if (!more)
        break;
      left = std::move(more);
    }
    return left;
  }

  text product() {
    auto left = power();
    while (left) {
      auto more = attempt([&]() -> text {
        std::string sign;
        bool doubtful = false;
        if (take("*") || take("times") || take("x")
            || take({"multiplied", "by"}))
          sign = " * ";
        else if (is("/")) {
          doubtful = peek()->glued;
          ++at_;
          sign = " / ";
        } else if (take({"divided", "by"}) || take("over"))
          sign = " / ";
        else if (take("//"))
          sign = " // ";
        else if (take("%") || take("mod") || take("modulo"))
          sign = " % ";
        if (sign.empty())
          return std::nullopt;
        auto right = power();
        if (!right)
          return right;
        doubtful_ += doubtful;
        return count(*left + sign + *right);
      });
      if (!more)
        break;
      left = std::move(more);
    }
    return left;
  }

  text power() {
    auto base = attempt([&] { return primary(); });
    while (base) {
      if (take("squared")) {
        base = count(group(*base) + "^2");
        continue;
      }
      if (take("cubed")) {
        base = count(group(*base) + "^3");
        continue;
      }
      if (is("!") && peek()->glued && !is("=", 1)) {
        ++at_;
        base = count(group(*base) + "!");
        continue;
      }
      if (take("factorial")) {
        base = count("factorial(" + *base + ")");
        continue;
      }
      auto more = attempt([&]() -> text {
        bool found = take({"to", "the", "power", "of"})
                     || take({"to", "the", "power"})
                     || take({"raised", "to", "the", "power", "of"})
                     || take({"raised", "to", "the", "power"})
                     || take({"raised", "to", "the"}) || take({"raised", "to"})
                     || take({"to", "power"}) || take("**") || take("^")
                     || (is("to") && is("the", 1) && ordinal(2) && take("to")
                         && take("the"));
        if (!found)
          return std::nullopt;
        auto exponent = power();
        if (!exponent)
          return exponent;
        // "the 5th power": the ending and the word.
        if (take("th") || take("nd") || take("rd") || take("st"))
          take("power");
        return count(group(*base) + " ^ " + group(*exponent));
      });
      if (!more)
        break;
      base = std::move(more);
    }
    return base;
  }

  /// "5th power" begins `ahead` tokens from here.
  bool ordinal(std::size_t ahead) const {
    const auto* number = peek(ahead);
    const auto* ending = peek(ahead + 1);
    return number && number->what == token::kind::number && ending
           && ending->glued && is("power", ahead + 2);
  }

  /// "15%" or "15 percent", as a share.
  text percent() {
    return attempt([&]() -> text {
      const auto* number = peek();
      if (!number || number->what != token::kind::number)
        return std::nullopt;
      ++at_;
      if ((is("%") && peek()->glued) || is("percent")) {
        ++at_;
        return number->text + " / 100";
      }
      return std::nullopt;
    });
  }

  text primary() {
    // Signs, shares and functions nest here without parentheses.
    if (depth_ >= depth_max)
      return std::nullopt;
    ++depth_;
    auto got = operand();
    --depth_;
    return got;
  }

  text operand() {
    // "15% of 80", "a 20% tip on 45", "30 percent off 200"
    if (auto share = attempt([&]() -> text {
          take("a");
          auto part = percent();
          if (!part)
            return part;
          for (auto word : {"tip", "tax", "discount", "vat", "interest"})
            take(word);
          bool off = take("off");
          if (!off && !take("of") && !take("on"))
            return std::nullopt;
          take("the");
          auto whole = power();
          if (!whole)
            return whole;
          return count(off ? group(*whole) + " * (1 - " + *part + ")"
                           : *part + " * " + group(*whole));
        }))
      return share;
    if (take("("))
      return closing(sum(), "(");
    if (is("-") && peek(1) && !peek()->glued) {
      ++at_;
      auto value = primary();
      return value ? text{"-" + *value} : value;
    }
    while (take("the"))
      ;
    if (auto value = function())
      return value;
    for (auto name : {"result", "answer", "sum", "product", "total", "outcome",
                      "difference", "quotient", "value"})
      if (is(name) && !is("of", 1) && !is("between", 1)) {
        ++at_;
        return std::string{previous_result};
      }
    if (take("it") || take("that") || take("this")) {
      for (auto name : {"result", "number", "value", "answer"})
        if (take(name))
          break;
      return std::string{previous_result};
    }
    const auto* next = peek();
    if (next && next->what == token::kind::number) {
      ++at_;
      return next->text;
    }
    if (take("pi"))
      return std::string{"pi"};
    return std::nullopt;
  }

  text closing(text inside, const std::string& open) {
    if (!inside || !take(")"))
      return std::nullopt;
    return open + *inside + ")";
  }

  text function() {
    for (std::string name :
         {"sqrt", "abs", "round", "floor", "ceil", "ln", "log", "log2", "log10",
          "exp", "sin", "cos", "tan", "min", "max", "pow", "factorial"})
      if (auto got = attempt([&]() -> text {
            if (!take({name, "("}))
              return std::nullopt;
            auto inside = sum();
            while (inside && take(",")) {
              auto next = sum();
              inside = next ? text{*inside + ", " + *next} : next;
            }
            return closing(std::move(inside), count(name + "("));
          }))
        return got;
    if (take({"square", "root", "of"}) || take({"sqrt", "of"}))
      return applied("sqrt(", ")");
    if (take({"cube", "root", "of"}))
      return applied("(", ") ^ (1 / 3)");
    if (take({"factorial", "of"}))
      return applied("factorial(", ")");
    if (take({"absolute", "value", "of"}))
      return applied("abs(", ")");
    if (take({"natural", "log", "of"}) || take({"natural", "logarithm", "of"}))
      return applied("ln(", ")");
    if (take({"log", "of"}) || take({"logarithm", "of"}))
      return applied("log(", ")");
    if (take({"half", "of"}))
      return applied("", " / 2");
    if (take({"square", "of"}))
      return applied("", "^2");
    if (take({"cube", "of"}))
      return applied("", "^3");
    if (take({"sum", "of"}))
      return joined(" + ", "");
    if (take({"product", "of"}))
      return joined(" * ", "");
    if (take({"difference", "between"}) || take({"difference", "of"}))
      return joined(" - ", "");
    if (take({"quotient", "of"}))
      return joined(" / ", "");
    if (take({"average", "of"}) || take({"mean", "of"}))
      return joined(" + ", " / ");
    return std::nullopt;
  }

  text applied(const std::string& before, const std::string& after) {
    return attempt([&]() -> text {
      take("the");
      take("number");
      auto inside = primary();
      if (!inside)
        return inside;
      auto part = before.empty() ? group(*inside) : *inside;
      return count(before + part + after);
    });
  }

  /// "1, 2, 3 and 4": at least two.
  text joined(const std::string& sign, const std::string& then_count) {
    return attempt([&]() -> text {
      take("the");
      take("numbers");
      take("values");
      take(":");
      take("[");
      std::string all;
      int n = 0;
      for (;;) {
        auto next = attempt([&] { return power(); });
        if (!next)
          break;
        all += (n++ == 0 ? "" : sign) + *next;
        auto before = at_;
        bool comma = take(",");
        if (!take("and") && !comma)
          break;
        if (!peek() || peek()->what != token::kind::number) {
          at_ = before;
          break;
        }
      }
      take("]");
      if (n < 2)
        return std::nullopt;
      return count(then_count.empty()
                       ? "(" + all + ")"
                       : "(" + all + ")" + then_count + std::to_string(n));
    });
  }

  const std::vector<token>& all_;
  std::size_t at_;
  std::size_t begin_ = at_;
  int operations_ = 0;
  int doubtful_ = 0;
  int depth_ = 0;
};

/// Verbs that say that "3-1" is a task, not a score or a range.
bool asks_to_compute(std::string_view text, std::size_t before) {
  auto clause = clause_before(text, before);
  for (std::string_view word :
       {"compute", "calculat", "what is", "what's", "whats", "evaluate",
        "how much", "solve", "work out", "result of", "expression"})
    if (clause.find(word) != clause.npos)
      return true;
  return trimmed(text).size() < 20;
}

} // namespace

std::vector<arithmetic_phrase> find_arithmetic(std::string_view text) {
  auto all = tokens_of(text);
  std::vector<arithmetic_phrase> out;
  for (std::size_t at = 0; at < all.size();) {
    phrase_reader reader{all, at};
    auto got = reader.read();
    if (!got) {
      ++at;
      continue;
    }
    span where{all[at].where.begin, all[reader.end() - 1].where.end};
    at = reader.end();
    if (reader.is_doubtful() && !asks_to_compute(text, where.begin))
      continue;
    // An outer pair of parentheses of our own making says nothing.
    auto& expression = *got;
    if (expression.size() > 2 && expression.front() == '('
        && expression.find(')') == expression.size() - 1)
      expression = expression.substr(1, expression.size() - 2);
    out.push_back({where, std::move(expression)});
  }
  return out;
}

} // namespace shannon::llm
