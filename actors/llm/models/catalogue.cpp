#include "actors/llm/models/catalogue.hpp"

#include "embedded/models.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace shannon::llm {

namespace {

constexpr std::string_view tiers[] = {"small", "medium", "large"};

} // namespace

std::string_view to_string(tier which) noexcept {
  return tiers[static_cast<std::size_t>(which)];
}

std::optional<tier> parse_tier(std::string_view name) noexcept {
  for (std::size_t i = 0; i < std::size(tiers); ++i)
    if (tiers[i] == name)
      return static_cast<tier>(i);
  return std::nullopt;
}

result<base_url> parse_base_url(std::string_view text) {
  auto wrong = [&](const char* why) {
    // Only the scheme is shown: the rest could hold a password.
    return fail(errc::invalid_argument,
                "base URL " + std::string{text.substr(0, text.find("//"))}
                    + "//…: " + why);
  };
  base_url out;
  auto rest = text;
  if (rest.substr(0, 8) == "https://") {
    rest.remove_prefix(8);
  } else if (rest.substr(0, 7) == "http://") {
    rest.remove_prefix(7);
    out.tls = false;
  } else {
    return wrong("http:// or https:// expected");
  }
  if (rest.find_first_of("?#@ \t\r\n") != rest.npos)
    return wrong("no user, query, fragment or space allowed");
  auto slash = std::min(rest.find('/'), rest.size());
  auto where = rest.substr(0, slash);
  out.path = rest.substr(slash);
  while (!out.path.empty() && out.path.back() == '/')
    out.path.pop_back();
  auto bracket = where.find(']');
  auto colon = where.find(':', bracket == where.npos ? 0 : bracket);
  out.host = where.substr(0, colon);
  if (bracket != where.npos && where.front() == '[')
    out.host = where.substr(1, bracket - 1);
  out.port = out.tls ? 443 : 80;
  if (colon != where.npos) {
    auto digits = where.substr(colon + 1);
    const auto* end = digits.data() + digits.size();
    auto [at, ec] = std::from_chars(digits.data(), end, out.port);
    if (ec != std::errc{} || at != end || out.port == 0)
      return wrong("the port must be from 1 to 65535");
  }
  if (out.host.empty())
    return wrong("a host is expected");
  return out;
}

const provider_entry*
catalogue::provider(std::string_view name) const noexcept {
  auto at = std::find_if(providers.begin(), providers.end(),
                         [&](const auto& x) { return x.name == name; });
  return at == providers.end() ? nullptr : &*at;
}

const model_entry* catalogue::model(std::string_view id) const noexcept {
  auto at = std::find_if(models.begin(), models.end(),
                         [&](const auto& x) { return x.id == id; });
  return at == models.end() ? nullptr : &*at;
}

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0')
    return std::nullopt;
  return value;
}

result<catalogue> load_catalogue(const std::string& file,
                                 const environment& env) {
  if (file.empty()) {
    const auto& [name, text] = embedded::models().front();
    return parse_catalogue(std::string{text}, std::string{name}, env);
  }
  std::ifstream in{file, std::ios::binary};
  std::ostringstream text;
  if (!in || !(text << in.rdbuf()))
    return fail(errc::invalid_argument, file + ": cannot be read");
  return parse_catalogue(text.str(), file, env);
}

} // namespace shannon::llm
