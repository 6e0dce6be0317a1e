#include "actors/gateway/routes/routes.hpp"

#include "actors/kit/bytes_text.hpp"

#include <algorithm>
#include <utility>

namespace shannon::gateway {

namespace {

std::vector<std::string_view> segments(std::string_view path) {
  std::vector<std::string_view> all;
  while (!path.empty()) {
    path.remove_prefix(1); // The slash.
    auto end = path.find('/');
    all.push_back(path.substr(0, end));
    path.remove_prefix(std::min(end, path.size()));
  }
  return all;
}

bool is_open(std::string_view part) noexcept {
  return !part.empty() && part.front() == '{';
}

/// Literal segments beat open ones: /tasks/stream is not a task's id.
int literal_parts(const std::vector<std::string_view>& pattern) {
  return static_cast<int>(
      std::count_if(pattern.begin(), pattern.end(),
                    [](std::string_view part) { return !is_open(part); }));
}

/// `{name...}`: everything that is left, slashes too.
bool is_tail(std::string_view part) noexcept {
  return is_open(part) && part.ends_with("...}");
}

bool fits(const std::vector<std::string_view>& pattern,
          const std::vector<std::string>& path) {
  auto tail = !pattern.empty() && is_tail(pattern.back());
  if (tail ? path.size() < pattern.size() : path.size() != pattern.size())
    return false;
  for (std::size_t i = 0; i < pattern.size(); ++i)
    if (is_open(pattern[i]) ? path[i].empty() && !is_tail(pattern[i])
                            : pattern[i] != path[i])
      return false;
  return true;
}

/// A line of the table with its pattern in pieces: split once, since each
/// request is held against all of them.
struct split_route {
  const route* line;
  std::vector<std::string_view> pattern;
  int literal; ///< Segments that are no braces.
};

const std::vector<split_route>& split_routes() {
  static const auto all = [] {
    std::vector<split_route> out;
    for (const auto& line : routes()) {
      auto pattern = segments(line.pattern);
      auto literal = literal_parts(pattern);
      out.push_back({&line, std::move(pattern), literal});
    }
    return out;
  }();
  return all;
}

/// What the braces of a pattern that fits have matched.
std::vector<std::string> matched(const std::vector<std::string_view>& pattern,
                                 const std::vector<std::string>& path) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (!is_open(pattern[i]))
      continue;
    parts.push_back(path[i]);
    if (is_tail(pattern[i]))
      for (auto more = i + 1; more < path.size(); ++more)
        (parts.back() += '/') += path[more];
  }
  return parts;
}

bool takes(const route& line, std::string_view method) noexcept {
  return line.method.empty() || line.method == method
         || (line.method == "GET" && method == "HEAD");
}

std::string allowed(std::vector<std::string_view> methods) {
  if (std::find(methods.begin(), methods.end(), "GET") != methods.end())
    methods.push_back("HEAD");
  std::sort(methods.begin(), methods.end());
  methods.erase(std::unique(methods.begin(), methods.end()), methods.end());
  std::string text;
  for (auto method : methods)
    text += (text.empty() ? "" : ", ") + std::string{method};
  return text;
}

} // namespace

bool percent_decode(std::string_view text, bool plus_is_blank,
                    std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size())
        return false;
      auto high = kit::hex_digit(text[i + 1]);
      auto low = kit::hex_digit(text[i + 2]);
      if (high < 0 || low < 0)
        return false;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return true;
}

std::string clean_path(std::string_view path) {
  std::vector<std::string_view> kept;
  bool slash_at_end = false;
  for (auto part : segments(path)) {
    slash_at_end = part.empty() || part == "." || part == "..";
    if (part == "..") {
      if (!kept.empty())
        kept.pop_back();
    } else if (!part.empty() && part != ".") {
      kept.push_back(part);
    }
  }
  // Go's path.Clean drops a slash at the end; its ServeMux puts it back only
  // if the client wrote one.
  slash_at_end = slash_at_end && path.back() == '/';
  std::string clean;
  for (auto part : kept)
    (clean += '/') += part;
  if (clean.empty() || slash_at_end)
    clean += '/';
  return clean;
}

route_match match(const http_request& request) {
  route_match found;
  if (auto clean = clean_path(request.path); clean != request.path) {
    found.what = route_match::outcome::moved;
    // A browser reads `/\host` as `//host`, which is another place.
    for (char c : clean)
      c == '\\' ? found.text += "%5C" : found.text += c;
    if (!request.query.empty())
      found.text += '?' + request.query;
    return found;
  }
  std::vector<std::string> path;
  for (auto part : segments(request.path)) {
    std::string plain;
    if (!percent_decode(part, false, plain)) {
      found.what = route_match::outcome::bad_path;
      return found;
    }
    path.push_back(std::move(plain));
  }
  std::vector<std::string_view> methods;
  const split_route* best = nullptr;
  for (const auto& one : split_routes()) {
    const auto& line = *one.line;
    if (!is_reached_by(line, request.came_by) || !fits(one.pattern, path))
      continue;
    if (!takes(line, request.method))
      methods.push_back(line.method);
    else if (!best || one.literal > best->literal)
      best = &one;
  }
  if (best) {
    found.what = route_match::outcome::found;
    found.to = best->line;
    found.parts = matched(best->pattern, path);
  }
  if (!found.to && !methods.empty()) {
    found.what = route_match::outcome::wrong_method;
    found.text = allowed(std::move(methods));
  }
  return found;
}

} // namespace shannon::gateway
