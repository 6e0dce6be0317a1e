#include "actors/gateway/identity/credential.hpp"

#include "actors/gateway/identity/api_key.hpp"
#include "actors/gateway/text/query_string.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace shannon::gateway {

namespace {

std::ptrdiff_t count_of(const http_request& request, std::string_view name) {
  return std::count_if(request.fields.begin(), request.fields.end(),
                       [name](auto& field) { return field.first == name; });
}

/// What follows `Bearer`; nothing if the field says something else. Exactly
/// one blank: a request is never read more kindly than it is written.
std::optional<std::string_view> bearer_of(std::string_view field) {
  constexpr std::string_view scheme = "bearer";
  auto blank = field.find(' ');
  if (blank != scheme.size())
    return std::nullopt;
  auto same = std::equal(scheme.begin(), scheme.end(), field.begin(),
                         [](char want, char c) { return want == (c | 0x20); });
  auto value = field.substr(blank + 1);
  if (!same || value.empty() || value.find(' ') != std::string_view::npos)
    return std::nullopt;
  return value;
}

credential of_text(std::string_view text) {
  using enum credential::form;
  credential out;
  out.text = normal_credential(text);
  // A token has dots, an API key has none.
  if (out.text.find('.') != std::string::npos)
    out.what = token;
  else
    out.what = parse_api_key(out.text) ? api_key : malformed;
  return out;
}

} // namespace

credential credential_of(const http_request& request, bool query_allowed) {
  credential twice;
  twice.what = credential::form::malformed;
  for (std::string_view name : {"x-api-key", "authorization"})
    if (count_of(request, name) > 1)
      return twice;
  if (auto key = request.find("x-api-key"); !key.empty())
    return of_text(key);
  if (auto token = bearer_of(request.find("authorization")))
    return of_text(*token);
  if (query_allowed && request.method == "GET") {
    auto query = query_string::parse(request.query);
    if (!query)
      return twice;
    for (const char* name : {"api_key", "token"})
      if (const auto& value = query->get(name); !value.empty())
        return of_text(value);
  }
  return {};
}

} // namespace shannon::gateway
