#include "actors/gateway/routes.hpp"

#include <algorithm>
#include <array>

namespace shannon::gateway {

namespace {

using enum endpoint;

constexpr bool untraced = false;
constexpr bool both = true;

constexpr std::array table{
    route{"GET", "/health", health, body_bound::usual, untraced, true, both},
    route{"GET", "/health/live", live, body_bound::usual, untraced, true, both},
    route{"GET", "/health/ready", ready, body_bound::usual, untraced, true,
          both},
    route{"GET", "/readiness", ready, body_bound::usual, untraced, true, both},
    route{"GET", "/metrics", metrics, body_bound::usual, untraced, true, both},
    route{"GET", "/debug/tree", tree, body_bound::usual, untraced, false, both},
    route{"POST", "/admin/v1/drain", drain, body_bound::usual, untraced, false,
          both},
    route{"GET", "/debug/actors", actors, body_bound::usual, untraced, false,
          both},
    route{"GET", "/debug/top", top, body_bound::usual, untraced, false, both},
    route{"GET", "/debug/workflows", workflows, body_bound::usual, untraced,
          false, both},
    route{"GET", "/debug/links", links, body_bound::usual, untraced, false,
          both},
    route{"GET", "/debug/leases", leases, body_bound::usual, untraced, false,
          both},
    route{"POST", "/api/v1/tasks", submit_task, body_bound::task},
    route{"POST", "/api/v1/tasks/stream", submit_task_stream, body_bound::task},
    route{"GET", "/api/v1/tasks", list_tasks},
    route{"GET", "/api/v1/tasks/{id}", get_task},
    route{"GET", "/api/v1/tasks/{id}/events", get_events},
    route{"GET", "/api/v1/tasks/{id}/timeline", get_timeline},
    route{"POST", "/api/v1/tasks/{id}/cancel", cancel_task},
    route{"GET", "/api/v1/tasks/{id}/stream", redirect_stream},
    route{"", "/api/v1/stream/sse", stream_sse},
    route{"GET", "/admin/v1/runs/{id}", describe_run, body_bound::usual,
          untraced, false, both},
    route{"POST", "/admin/v1/runs/{id}/signal", signal_run, body_bound::usual,
          untraced, false, both},
    route{"POST", "/admin/v1/runs/{id}/resume", resume_run, body_bound::usual,
          untraced, false, both},
    route{"POST", "/admin/v1/runs/{id}/query", query_run, body_bound::usual,
          untraced, false, both},
};

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

bool fits(const std::vector<std::string_view>& pattern,
          const std::vector<std::string>& path) {
  if (pattern.size() != path.size())
    return false;
  for (std::size_t i = 0; i < path.size(); ++i)
    if (is_open(pattern[i]) ? path[i].empty() : pattern[i] != path[i])
      return false;
  return true;
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

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

} // namespace

std::span<const route> routes() noexcept {
  return table;
}

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
      auto high = hex_value(text[i + 1]);
      auto low = hex_value(text[i + 2]);
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
    found.text = clean;
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
  int best = -1;
  for (const auto& line : table) {
    if (!(request.came_by == door::api ? line.on_api : line.on_admin))
      continue;
    auto pattern = segments(line.pattern);
    if (!fits(pattern, path))
      continue;
    if (!takes(line, request.method)) {
      methods.push_back(line.method);
      continue;
    }
    if (auto rank = literal_parts(pattern); rank > best) {
      best = rank;
      found.what = route_match::outcome::found;
      found.to = &line;
      found.parts.clear();
      for (std::size_t i = 0; i < path.size(); ++i)
        if (is_open(pattern[i]))
          found.parts.push_back(path[i]);
    }
  }
  if (!found.to && !methods.empty()) {
    found.what = route_match::outcome::wrong_method;
    found.text = allowed(std::move(methods));
  }
  return found;
}

} // namespace shannon::gateway
