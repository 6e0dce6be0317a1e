#include "actors/browser/egress/head_text.hpp"

#include "actors/kit/http_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace shannon::browser {

namespace {

/// More fields than these are not called one hop's by anybody in earnest.
constexpr std::size_t named_max = 32;

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
                     [&](auto one) { return kit::same_letters(one, name); });
}

template <class Visit>
bool any_word(std::string_view list, Visit visit) {
  while (!list.empty()) {
    auto comma = list.find(',');
    if (visit(kit::trimmed(list.substr(0, comma))))
      return true;
    list = comma == std::string_view::npos ? std::string_view{}
                                           : list.substr(comma + 1);
  }
  return false;
}

} // namespace

std::size_t count(const head_fields& all, std::string_view name) noexcept {
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [&](const auto& field) {
        return kit::same_letters(field.name, name);
      }));
}

std::string_view value(const head_fields& all, std::string_view name) noexcept {
  for (const auto& field : all)
    if (kit::same_letters(field.name, name))
      return field.value;
  return {};
}

bool lists(const head_fields& all, std::string_view name,
           std::string_view word) noexcept {
  return std::any_of(all.begin(), all.end(), [&](const auto& field) {
    return kit::same_letters(field.name, name)
           && any_word(field.value,
                       [&](auto one) { return kit::same_letters(one, word); });
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
    if (kit::same_letters(field.name, "connection"))
      any_word(field.value, [&](auto word) {
        named.push_back(word);
        return named.size() == named_max;
      });
  auto is_named = [&](std::string_view name) {
    return std::any_of(named.begin(), named.end(),
                       [&](auto one) { return kit::same_letters(one, name); });
  };
  for (const auto& field : all)
    if (!is_of_one_hop(field.name) && !is_named(field.name))
      out.append(field.name).append(": ").append(field.value).append("\r\n");
}

} // namespace shannon::browser
