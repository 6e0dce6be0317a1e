#include "actors/browser/egress/head_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace shannon::browser {

namespace {

/// More fields than these are not called one hop's by anybody in earnest.
constexpr std::size_t named_max = 32;

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

constexpr auto token_chars = [] {
  std::array<bool, 256> all{};
  for (char c = '0'; c <= '9'; ++c)
    all[static_cast<unsigned char>(c)] = true;
  for (char c = 'a'; c <= 'z'; ++c)
    all[static_cast<unsigned char>(c)] = true;
  for (char c = 'A'; c <= 'Z'; ++c)
    all[static_cast<unsigned char>(c)] = true;
  for (char c : std::string_view{"!#$%&'*+-.^_`|~"})
    all[static_cast<unsigned char>(c)] = true;
  return all;
}();

/// Host, Content-Length and Transfer-Encoding are among them because they are
/// written anew from what was understood.
bool is_of_one_hop(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 12> names{"connection",
                                                          "proxy-connection",
                                                          "keep-alive",
                                                          "te",
                                                          "trailer",
                                                          "upgrade",
                                                          "content-length",
                                                          "transfer-encoding",
                                                          "host",
                                                          "http2-settings",
                                                          "proxy-authorization",
                                                          "proxy-authenticate"};
  return std::any_of(names.begin(), names.end(),
                     [&](auto one) { return same_letters(one, name); });
}

template <class Visit>
bool any_word(std::string_view list, Visit visit) {
  while (!list.empty()) {
    auto comma = list.find(',');
    if (visit(trimmed(list.substr(0, comma))))
      return true;
    list = comma == std::string_view::npos ? std::string_view{}
                                           : list.substr(comma + 1);
  }
  return false;
}

} // namespace

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return token_chars[static_cast<unsigned char>(c)];
  });
}

bool has_control(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), [](char c) {
    auto u = static_cast<unsigned char>(c);
    return (u < 0x20 && c != '\t') || u == 0x7f;
  });
}

bool same_letters(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size()
         && std::equal(a.begin(), a.end(), b.begin(),
                       [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

std::size_t count(const head_fields& all, std::string_view name) noexcept {
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [&](const auto& field) {
        return same_letters(field.name, name);
      }));
}

std::string_view value(const head_fields& all, std::string_view name) noexcept {
  for (const auto& field : all)
    if (same_letters(field.name, name))
      return field.value;
  return {};
}

bool lists(const head_fields& all, std::string_view name,
           std::string_view word) noexcept {
  return std::any_of(all.begin(), all.end(), [&](const auto& field) {
    return same_letters(field.name, name)
           && any_word(field.value,
                       [&](auto one) { return same_letters(one, word); });
  });
}

bool read_length(std::string_view text, unsigned long long& length) noexcept {
  auto [end, failed]
      = std::from_chars(text.data(), text.data() + text.size(), length);
  // from_chars takes no sign, blank or prefix for an unsigned number.
  return failed == std::errc{} && end == text.data() + text.size()
         && text.size() <= 18;
}

void append_end_to_end(std::string& out, const head_fields& all) {
  std::vector<std::string_view> named;
  for (const auto& field : all)
    if (same_letters(field.name, "connection"))
      any_word(field.value, [&](auto word) {
        named.push_back(word);
        return named.size() == named_max;
      });
  auto is_named = [&](std::string_view name) {
    return std::any_of(named.begin(), named.end(),
                       [&](auto one) { return same_letters(one, name); });
  };
  for (const auto& field : all)
    if (!is_of_one_hop(field.name) && !is_named(field.name))
      out.append(field.name).append(": ").append(field.value).append("\r\n");
}

} // namespace shannon::browser
