#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

/// One event a line: JSON on a pipe, readable text on a terminal. Names are
/// stable (`run-started`), sentences read "subject verb object", fields carry
/// ids and numbers. Never a payload, a prompt or a secret.
namespace shannon::kit::log {

enum class level : std::uint8_t { debug, info, warning, error };

using value = std::variant<std::string, std::int64_t, double, bool>;

struct field {
  std::string_view key;
  value what;

  field(std::string_view k, std::string v) : key(k), what(std::move(v)) {}
  field(std::string_view k, std::string_view v)
      : key(k), what(std::string{v}) {}
  field(std::string_view k, const char* v) : key(k), what(std::string{v}) {}
  field(std::string_view k, bool v) : key(k), what(v) {}
  field(std::string_view k, double v) : key(k), what(v) {}
  template <class T>
  requires std::is_integral_v<T> field(std::string_view k, T v)
      : key(k), what(static_cast<std::int64_t>(v)) {}
};

using fields = std::initializer_list<field>;

/// Chooses where lines go: stderr, JSON unless it is a terminal. `node` stands
/// on each line. Call once, before any actor runs.
void open(std::string_view node, level least);

/// Writes out what is buffered and stops.
void close();

void write(level severity, std::string_view event, std::string_view sentence,
           fields details = {});

inline void debug(std::string_view event, std::string_view sentence,
                  fields details = {}) {
  write(level::debug, event, sentence, details);
}
inline void info(std::string_view event, std::string_view sentence,
                 fields details = {}) {
  write(level::info, event, sentence, details);
}
inline void warning(std::string_view event, std::string_view sentence,
                    fields details = {}) {
  write(level::warning, event, sentence, details);
}
inline void error(std::string_view event, std::string_view sentence,
                  fields details = {}) {
  write(level::error, event, sentence, details);
}

/// One line as it is written: for tests, and for who writes elsewhere.
std::string to_json(level severity, std::string_view node,
                    std::string_view event, std::string_view sentence,
                    fields details, std::int64_t unix_us);
std::string to_text(level severity, std::string_view event,
                    std::string_view sentence, fields details,
                    std::int64_t unix_us);

} // namespace shannon::kit::log
