#include "actors/kit/log_text.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace shannon::kit::log {

namespace {

/// Bytes of one text; what is longer is cut.
constexpr std::size_t text_bytes_max = 4'096;

constexpr std::string_view replacement = "\xEF\xBF\xBD"; // U+FFFD

/// Bytes of the well-formed UTF-8 sequence that `text` starts with, or 0
/// (Unicode 15, table 3-7).
std::size_t sequence_length(std::string_view text) {
  auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  auto tail = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  auto lead = byte(0);
  if (lead < 0x80)
    return 1;
  if (lead >= 0xC2 && lead <= 0xDF)
    return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    bool ok = tail(1) && tail(2) && !(lead == 0xE0 && byte(1) < 0xA0)
              && !(lead == 0xED && byte(1) > 0x9F);
    return ok ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    bool ok = tail(1) && tail(2) && tail(3) && !(lead == 0xF0 && byte(1) < 0x90)
              && !(lead == 0xF4 && byte(1) > 0x8F);
    return ok ? 4 : 0;
  }
  return 0;
}

/// Escaped as in a JSON string: safe in JSON and on a terminal alike.
void append_escaped(std::string& out, std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  std::size_t at = 0;
  while (at < text.size()) {
    if (at >= text_bytes_max) {
      out += "\xE2\x80\xA6"; // an ellipsis
      return;
    }
    auto c = static_cast<unsigned char>(text[at]);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
      ++at;
    } else if (c == '\n') {
      out += "\\n";
      ++at;
    } else if (c == '\t') {
      out += "\\t";
      ++at;
    } else if (c < 0x20 || c == 0x7F) {
      out += "\\u00";
      out += hex[c >> 4];
      out += hex[c & 15];
      ++at;
    } else if (auto n = sequence_length(text.substr(at)); n == 0) {
      out += replacement;
      ++at;
    } else if (n == 2 && c == 0xC2
               && static_cast<unsigned char>(text[at + 1]) < 0xA0) {
      // C1 controls: some terminals obey them.
      out += "\\u00";
      out += hex[static_cast<unsigned char>(text[at + 1]) >> 4];
      out += hex[static_cast<unsigned char>(text[at + 1]) & 15];
      at += 2;
    } else {
      out += text.substr(at, n);
      at += n;
    }
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text);
  out += '"';
}

void append_number(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null"; // JSON knows no other word for it.
    return;
  }
  char buffer[40];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, number).ptr;
  out.append(buffer, end);
}

void append_value(std::string& out, const value& what, bool quote) {
  struct visitor {
    std::string& out;
    bool quote;
    void operator()(const std::string& x) const {
      auto bare = !quote && !x.empty()
                  && x.find_first_of(" \"=\t\n") == std::string::npos;
      if (bare)
        append_escaped(out, x);
      else
        append_quoted(out, x);
    }
    void operator()(std::int64_t x) const {
      out += std::to_string(x);
    }
    void operator()(double x) const {
      append_number(out, x);
    }
    void operator()(bool x) const {
      out += x ? "true" : "false";
    }
  };
  std::visit(visitor{out, quote}, what);
}

std::tm split(std::int64_t unix_us, bool local) {
  auto seconds = static_cast<std::time_t>(unix_us / 1'000'000);
  std::tm parts{};
  if (local)
    ::localtime_r(&seconds, &parts);
  else
    ::gmtime_r(&seconds, &parts);
  return parts;
}

std::string_view name_of(level severity) {
  switch (severity) {
  case level::debug:
    return "debug";
  case level::info:
    return "info";
  case level::warning:
    return "warning";
  case level::error:
    return "error";
  }
  return "error";
}

std::string_view column_of(level severity) {
  switch (severity) {
  case level::debug:
    return "debug";
  case level::info:
    return "info ";
  case level::warning:
    return "warn ";
  case level::error:
    return "error";
  }
  return "error";
}

std::string_view colour_of(level severity) {
  switch (severity) {
  case level::debug:
    return "\x1b[2m";
  case level::info:
    return "\x1b[32m";
  case level::warning:
    return "\x1b[33m";
  case level::error:
    return "\x1b[31m";
  }
  return "";
}

} // namespace

std::string render_text(level severity, std::string_view event,
                        std::string_view sentence, fields details,
                        std::int64_t unix_us, bool colour) {
  auto parts = split(unix_us, true);
  char stamp[16];
  std::snprintf(stamp, sizeof stamp, "%02u:%02u:%02u.%03u",
                static_cast<unsigned>(parts.tm_hour) % 100,
                static_cast<unsigned>(parts.tm_min) % 100,
                static_cast<unsigned>(parts.tm_sec) % 100,
                static_cast<unsigned>(unix_us / 1'000 % 1'000));
  std::string out = stamp;
  out += ' ';
  if (colour)
    out += colour_of(severity);
  out += column_of(severity);
  if (colour)
    out += "\x1b[0m";
  out += ' ';
  append_escaped(out, event);
  out += "  ";
  append_escaped(out, sentence);
  auto gap = "  ";
  for (const auto& [key, what] : details) {
    out += gap;
    append_escaped(out, key);
    out += '=';
    append_value(out, what, false);
    gap = " ";
  }
  return out;
}

std::string to_json(level severity, std::string_view node,
                    std::string_view event, std::string_view sentence,
                    fields details, std::int64_t unix_us) {
  auto parts = split(unix_us, false);
  char stamp[80];
  std::snprintf(stamp, sizeof stamp, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
                parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(unix_us % 1'000'000));
  std::string out = "{\"ts\":\"";
  out += stamp;
  out += "\",\"level\":\"";
  out += name_of(severity);
  out += '"';
  if (!node.empty()) {
    out += ",\"node\":";
    append_quoted(out, node);
  }
  out += ",\"event\":";
  append_quoted(out, event);
  out += ",\"msg\":";
  append_quoted(out, sentence);
  for (const auto& [key, what] : details) {
    out += ',';
    append_quoted(out, key);
    out += ':';
    append_value(out, what, true);
  }
  out += '}';
  return out;
}

std::string to_text(level severity, std::string_view event,
                    std::string_view sentence, fields details,
                    std::int64_t unix_us) {
  return render_text(severity, event, sentence, details, unix_us, false);
}

} // namespace shannon::kit::log
