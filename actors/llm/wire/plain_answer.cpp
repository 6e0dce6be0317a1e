#include "actors/llm/wire/plain_answer.hpp"

#include <cstddef>
#include <utility>

namespace shannon::llm {

namespace {

constexpr int depth_max = 32;
/// More digits may be more than an integer holds.
constexpr std::size_t digits_max = 15;
/// As `count_at`: more tokens than this were never sent.
constexpr std::int64_t count_max = 1'000'000'000;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// How many bytes the UTF-8 sequence has that begins here; 0 if it is none.
std::size_t sequence_size(std::string_view text) noexcept {
  auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  auto follows = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  auto first = byte(0);
  auto second = byte(1);
  if (first >= 0xc2 && first <= 0xdf)
    return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    // No overlong forms, no surrogates.
    bool good = follows(1) && follows(2) && (first != 0xe0 || second >= 0xa0)
                && (first != 0xed || second <= 0x9f);
    return good ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    bool good = follows(1) && follows(2) && follows(3)
                && (first != 0xf0 || second >= 0x90)
                && (first != 0xf4 || second <= 0x8f);
    return good ? 4 : 0;
  }
  return 0;
}

/// Walks over JSON. Everything says false for what is not plain; then it
/// stands anywhere.
class cursor {
public:
  explicit cursor(std::string_view text) : rest_(text) {}

  bool is_at_end() {
    skip_blanks();
    return rest_.empty();
  }

  bool is_null() {
    return next() == 'n';
  }

  /// Into `out`, unless it is null.
  bool string(std::string* out) {
    if (!take('"'))
      return false;
    for (;;) {
      std::size_t plain = 0;
      while (plain < rest_.size() && is_plain(rest_[plain]))
        ++plain;
      if (!copy(plain, out) || rest_.empty())
        return false;
      if (rest_.front() == '"') {
        rest_.remove_prefix(1);
        return true;
      }
      if (rest_.front() == '\\' ? !escape(out)
                                : !copy(sequence_size(rest_), out, 1))
        return false;
    }
  }

  /// A whole number that can be a count.
  bool count(std::int64_t& out) {
    skip_blanks();
    std::int64_t value = 0;
    std::size_t digits = 0;
    while (digits < rest_.size() && is_digit(rest_[digits])
           && digits <= digits_max)
      value = value * 10 + (rest_[digits++] - '0');
    if (digits == 0 || digits > digits_max || value > count_max
        || (digits > 1 && rest_.front() == '0'))
      return false;
    rest_.remove_prefix(digits);
    out = value;
    return rest_.empty() || is_end_of_number(rest_.front());
  }

  /// Calls `member` with each name; it reads the value, or says false.
  template <class F>
  bool object(F member) {
    return nested('{', '}', [&] {
      name_.clear();
      return string(&name_) && take(':') && member(std::string{name_});
    });
  }

  /// Calls `item` with the number of each; it reads it, or says false.
  template <class F>
  bool array(F item) {
    std::size_t number = 0;
    return nested('[', ']', [&] { return item(number++); });
  }

  bool skip() {
    switch (next()) {
    case '"':
      return string(nullptr);
    case '{':
      return object([this](const auto&) { return skip(); });
    case '[':
      return array([this](auto) { return skip(); });
    case 't':
      return word("true");
    case 'f':
      return word("false");
    case 'n':
      return word("null");
    default:
      return number();
    }
  }

private:
  static bool is_plain(char c) noexcept {
    auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
  }
  static bool is_end_of_number(char c) noexcept {
    return c == ',' || c == '}' || c == ']' || is_blank(c);
  }
  static bool is_blank(char c) noexcept {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
  }

  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front()))
      rest_.remove_prefix(1);
  }
  char next() {
    skip_blanks();
    return rest_.empty() ? '\0' : rest_.front();
  }
  bool take(char what) {
    if (next() != what || rest_.empty())
      return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool copy(std::size_t size, std::string* out, std::size_t least = 0) {
    if (size < least)
      return false;
    if (out)
      out->append(rest_.data(), size);
    rest_.remove_prefix(size);
    return true;
  }

  bool escape(std::string* out) {
    if (rest_.size() < 2)
      return false;
    char meant = rest_[1];
    switch (meant) {
    case '"':
    case '\\':
    case '/':
      break;
    case 'b':
      meant = '\b';
      break;
    case 'f':
      meant = '\f';
      break;
    case 'n':
      meant = '\n';
      break;
    case 'r':
      meant = '\r';
      break;
    case 't':
      meant = '\t';
      break;
    default:
      return false;
    }
    if (out)
      *out += meant;
    rest_.remove_prefix(2);
    return true;
  }

  bool word(std::string_view what) {
    if (rest_.substr(0, what.size()) != what)
      return false;
    rest_.remove_prefix(what.size());
    return true;
  }

  /// `-12.5`; one with an exponent is left to others.
  bool number() {
    if (next() == '-')
      rest_.remove_prefix(1);
    auto whole = digits();
    if (whole.empty() || (whole.size() > 1 && whole.front() == '0'))
      return false;
    if (!rest_.empty() && rest_.front() == '.') {
      rest_.remove_prefix(1);
      if (digits().empty())
        return false;
    }
    return rest_.empty() || is_end_of_number(rest_.front());
  }

  /// Of no more than an integer holds.
  std::string_view digits() {
    std::size_t size = 0;
    while (size < rest_.size() && is_digit(rest_[size]))
      ++size;
    auto all = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return size > digits_max ? std::string_view{} : all;
  }

  template <class F>
  bool nested(char first, char last, F each) {
    if (!take(first) || ++depth_ > depth_max)
      return false;
    if (next() == last) {
      --depth_;
      return take(last);
    }
    do {
      if (!each())
        return false;
    } while (take(','));
    --depth_;
    return take(last);
  }

  std::string_view rest_;
  std::string name_;
  int depth_ = 0;
};

/// Reads the pieces of an answer that count. Names said twice are not plain.
class plain_reader {
public:
  plain_reader(std::string_view json, std::string_view part)
      : at_(json), part_(part) {}

  bool read() {
    return at_.object([this](const std::string& name) {
      if (name == "error")
        return false;
      if (name == "usage")
        return once(usage_) && or_null([this] { return usage(); });
      if (name == "choices")
        return once(choices_) && at_.array([this](std::size_t number) {
          return number == 0 ? choice() : at_.skip();
        });
      return at_.skip();
    }) && at_.is_at_end();
  }

  plain_answer found;

private:
  static bool once(bool& seen) {
    return !std::exchange(seen, true);
  }

  template <class F>
  bool or_null(F read) {
    return at_.is_null() ? at_.skip() : read();
  }

  bool choice() {
    return at_.object([this](const std::string& name) {
      if (name == part_)
        return once(words_) && or_null([this] { return words(); });
      if (name == "finish_reason")
        return once(finish_)
               && or_null([this] { return at_.string(&found.finish_reason); });
      return at_.skip();
    });
  }

  bool words() {
    return at_.object([this](const std::string& name) {
      if (name == "content")
        return once(content_)
               && or_null([this] { return at_.string(&found.text); });
      if (name == "tool_calls" || name == "refusal")
        return at_.is_null() && at_.skip();
      return at_.skip();
    });
  }

  bool usage() {
    return at_.object([this](const std::string& name) {
      if (name == "prompt_tokens")
        return once(input_) && at_.count(found.input_tokens);
      if (name == "completion_tokens")
        return once(output_) && at_.count(found.output_tokens);
      if (name == "prompt_tokens_details")
        return once(details_) && or_null([this] { return details(); });
      return at_.skip();
    });
  }

  bool details() {
    return at_.object([this](const std::string& name) {
      if (name == "cached_tokens")
        return once(cached_) && at_.count(found.cached_tokens);
      return at_.skip();
    });
  }

  cursor at_;
  std::string_view part_;
  bool usage_ = false;
  bool choices_ = false;
  bool words_ = false;
  bool finish_ = false;
  bool content_ = false;
  bool input_ = false;
  bool output_ = false;
  bool details_ = false;
  bool cached_ = false;
};

} // namespace

std::optional<plain_answer> read_plain(std::string_view json,
                                       std::string_view part) {
  plain_reader reader{json, part};
  if (!reader.read())
    return std::nullopt;
  return std::move(reader.found);
}

} // namespace shannon::llm
