#include "actors/llm/wire/upstream_error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <ctime>

namespace shannon::llm {

using std::chrono::milliseconds;

namespace {

/// One line, at most `most` bytes, cut between characters.
std::string one_line(std::string_view text, std::size_t most) {
  std::string out;
  for (char c : text) {
    bool blank = static_cast<unsigned char>(c) <= ' ' || c == 127;
    if (blank && (out.empty() || out.back() == ' '))
      continue;
    out += blank ? ' ' : c;
  }
  if (out.size() <= most)
    return out;
  while (most > 0 && (static_cast<unsigned char>(out[most]) & 0xC0) == 0x80)
    --most;
  return out.substr(0, most) + "…";
}

errc code_of(int status) {
  if (status == 429 || status == 529)
    return errc::overloaded;
  if (status == 408 || status == 409 || status >= 500)
    return errc::unavailable;
  if (status < 400) // A redirect: the base URL is wrong.
    return errc::failed;
  if (status == 401 || status == 403)
    return errc::denied;
  return status == 404 ? errc::not_found : errc::invalid_argument;
}

} // namespace

std::optional<milliseconds>
parse_retry_after(std::string_view value,
                  std::chrono::system_clock::time_point now) {
  using std::chrono::duration_cast;
  auto bounded = [](milliseconds wait) {
    return std::clamp(wait, milliseconds{0}, retry_after_max);
  };
  double seconds = 0;
  const auto* end = value.data() + value.size();
  if (auto [at, ec] = std::from_chars(value.data(), end, seconds);
      ec == std::errc{} && at == end && seconds >= 0)
    return bounded(
        milliseconds{static_cast<std::int64_t>(std::min(seconds, 1e6) * 1000)});
  std::tm when{};
  std::string text{value};
  const auto* rest
      = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &when);
  if (rest == nullptr || *rest != '\0')
    return std::nullopt;
  auto date = std::chrono::system_clock::from_time_t(::timegm(&when));
  return bounded(duration_cast<milliseconds>(date - now));
}

std::string upstream_message(const nlohmann::json& object) {
  if (!object.is_object())
    return {};
  for (const auto* key : {"error", "message", "detail"}) {
    auto at = object.find(key);
    if (at == object.end())
      continue;
    if (at->is_string())
      return one_line(at->get<std::string>(), upstream_message_max);
    if (auto text = upstream_message(*at); !text.empty())
      return text;
  }
  return {};
}

std::string upstream_message(std::string_view body) {
  auto object = nlohmann::json::parse(body, nullptr, false);
  if (auto text = upstream_message(object); !text.empty())
    return text;
  // An HTML page of some proxy says nothing in its first bytes.
  return body.substr(0, 1) == "<" ? std::string{}
                                  : one_line(body, upstream_message_max);
}

std::string without_keys(std::string text, std::string_view key) {
  constexpr std::string_view blot = "[key]";
  if (key.size() >= 4)
    for (auto at = text.find(key); at != text.npos; at = text.find(key, at))
      text.replace(at, key.size(), blot);
  for (auto at = text.find("sk-"); at != text.npos;
       at = text.find("sk-", at + blot.size())) {
    auto end = at;
    while (end < text.size()
           && (std::isalnum(static_cast<unsigned char>(text[end])) != 0
               || text[end] == '-' || text[end] == '_' || text[end] == '*'))
      ++end;
    text.replace(at, end - at, blot);
  }
  return text;
}

error to_error(const refused_answer& what,
               std::chrono::system_clock::time_point now) {
  error why;
  why.code = code_of(what.status);
  why.retryable = why.code == errc::overloaded || why.code == errc::unavailable;
  why.text
      = std::string{what.provider} + " answered " + std::to_string(what.status);
  if (auto text = without_keys(upstream_message(what.body), what.api_key);
      !text.empty())
    why.text += ": " + text;
  if (why.retryable)
    why.retry_after = parse_retry_after(what.retry_after, now);
  return why;
}

} // namespace shannon::llm
