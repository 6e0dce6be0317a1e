#include "actors/gateway/text/query_string.hpp"

#include "actors/gateway/routes/routes.hpp"
#include "actors/gateway/text/json_text.hpp"

#include <charconv>

namespace shannon::gateway {

namespace {

std::string printable(std::string_view name) {
  std::string text{name.substr(0, 64)};
  for (auto& c : text)
    if (c < 0x20 || c == 0x7f)
      c = '?';
  return text;
}

} // namespace

result<query_string> query_string::parse(std::string_view text) {
  query_string all;
  while (!text.empty()) {
    auto end = text.find('&');
    auto pair = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (pair.empty())
      continue;
    auto equals = pair.find('=');
    auto raw_name = pair.substr(0, equals);
    std::string name;
    std::string value;
    if (!percent_decode(raw_name, true, name)
        || (equals != std::string_view::npos
            && !percent_decode(pair.substr(equals + 1), true, value)))
      return fail(errc::invalid_argument,
                  "Invalid escape in query parameter " + printable(raw_name));
    for (const auto* part : {&name, &value})
      if (part->find('\0') != std::string::npos
          || find_invalid_utf8(*part) != std::string_view::npos)
        return fail(errc::invalid_argument,
                    "Invalid encoding of query parameter "
                        + printable(raw_name));
    all.values_.emplace(std::move(name), std::move(value));
  }
  return all;
}

const std::string& query_string::get(const std::string& name) const {
  static const std::string none;
  auto at = values_.find(name);
  return at == values_.end() ? none : at->second;
}

std::optional<std::int64_t> query_string::number(const std::string& name,
                                                 std::int64_t otherwise,
                                                 std::int64_t least,
                                                 std::int64_t most) const {
  const auto& text = get(name);
  if (text.empty())
    return otherwise;
  auto value = parse_number(text);
  if (!value || *value < least || *value > most)
    return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t value = 0;
  if (text.empty() || text.front() < '0' || text.front() > '9')
    return std::nullopt;
  auto [end, failed]
      = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

} // namespace shannon::gateway
