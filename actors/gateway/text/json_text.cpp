#include "actors/gateway/text/json_text.hpp"

#include <cmath>
#include <cstdio>
#include <ctime>

namespace shannon::gateway {

namespace {

struct json_extent {
  std::size_t size = 0;
  bool too_deep = false;
};

/// Where the first value ends. Knows strings and brackets only: whether what
/// is between them is JSON, the parser says.
json_extent measure(std::string_view text, std::uint32_t depth_max) {
  std::uint32_t depth = 0;
  bool begun = false;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
      if (!in_string && depth == 0)
        return {i + 1, false};
      continue;
    }
    switch (c) {
    case '"':
      if (begun && depth == 0)
        return {i, false};
      begun = in_string = true;
      break;
    case '{':
    case '[':
      if (begun && depth == 0)
        return {i, false};
      begun = true;
      if (++depth > depth_max)
        return {i, true};
      break;
    case '}':
    case ']':
      if (depth <= 1)
        return {i + 1, false};
      --depth;
      break;
    case ' ':
    case '\t':
    case '\r':
    case '\n':
      if (begun && depth == 0)
        return {i, false};
      break;
    default:
      begun = true;
    }
  }
  return {text.size(), false};
}

template <class Json>
std::string escaped(const Json& value) {
  auto plain = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string text;
  text.reserve(plain.size() + plain.size() / 16);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    auto c = plain[i];
    if (c == '<')
      text += "\\u003c";
    else if (c == '>')
      text += "\\u003e";
    else if (c == '&')
      text += "\\u0026";
    else if (c == '\xe2' && plain.compare(i, 3, "\xe2\x80\xa8") == 0)
      text += "\\u2028", i += 2;
    else if (c == '\xe2' && plain.compare(i, 3, "\xe2\x80\xa9") == 0)
      text += "\\u2029", i += 2;
    else
      text += c;
  }
  return text;
}

} // namespace

std::size_t find_invalid_utf8(std::string_view text) noexcept {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const auto size = text.size();
  for (std::size_t i = 0; i < size;) {
    if (p[i] < 0x80) {
      ++i;
      continue;
    }
    std::size_t more = 0;
    unsigned least = 0x80;
    unsigned most = 0xbf;
    if (p[i] >= 0xc2 && p[i] <= 0xdf) {
      more = 1;
    } else if (p[i] >= 0xe0 && p[i] <= 0xef) {
      more = 2;
      // No overlong forms, no surrogates.
      least = p[i] == 0xe0 ? 0xa0 : least;
      most = p[i] == 0xed ? 0x9f : most;
    } else if (p[i] >= 0xf0 && p[i] <= 0xf4) {
      more = 3;
      least = p[i] == 0xf0 ? 0x90 : least;
      most = p[i] == 0xf4 ? 0x8f : most;
    } else {
      return i;
    }
    if (i + more >= size || p[i + 1] < least || p[i + 1] > most)
      return i;
    for (std::size_t k = 2; k <= more; ++k)
      if ((p[i + k] & 0xc0) != 0x80)
        return i;
    i += more + 1;
  }
  return std::string_view::npos;
}

result<json_in> parse_json(std::string_view text, std::uint32_t depth_max) {
  auto extent = measure(text, depth_max);
  if (extent.too_deep)
    return fail(errc::invalid_argument,
                "JSON is nested deeper than " + std::to_string(depth_max)
                    + " levels at byte " + std::to_string(extent.size));
  text = text.substr(0, extent.size);
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos)
    return fail(errc::invalid_argument, "empty body");
  if (auto at = find_invalid_utf8(text); at != std::string_view::npos)
    return fail(errc::invalid_argument,
                "not valid UTF-8 at byte " + std::to_string(at));
  try {
    return json_in::parse(text.begin(), text.end());
  } catch (const json_in::parse_error& e) {
    return fail(errc::invalid_argument,
                "not valid JSON at byte " + std::to_string(e.byte));
  } catch (const json_in::exception&) {
    return fail(errc::invalid_argument, "JSON number out of range");
  }
}

std::string go_text(const json_out& value) {
  return escaped(value);
}

std::string go_text(const json_in& value) {
  return escaped(value);
}

json_out go_number(double value) {
  if (std::abs(value) < 1e15 && value == std::floor(value))
    return static_cast<std::int64_t>(value);
  return value;
}

json_out stored_json(const std::string& text) {
  if (text.empty())
    return nullptr;
  auto value = json_out::parse(text, nullptr, false);
  return value.is_discarded() ? json_out{nullptr} : value;
}

std::string timestamp(std::chrono::system_clock::time_point at) {
  using namespace std::chrono;
  auto whole = floor<seconds>(at);
  auto nanos = duration_cast<nanoseconds>(at - whole).count();
  auto unix_time = system_clock::to_time_t(whole);
  std::tm parts{};
  gmtime_r(&unix_time, &parts);
  char text[48];
  auto size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::string all{text, size};
  if (nanos != 0) {
    std::snprintf(text, sizeof text, ".%09lld", static_cast<long long>(nanos));
    all += text;
    all.erase(all.find_last_not_of('0') + 1);
  }
  return all + 'Z';
}

} // namespace shannon::gateway
