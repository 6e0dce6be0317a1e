#pragma once

#include "protocols/errc.hpp"

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace shannon::kit {

/// Most bytes and deepest nesting of one call's arguments.
inline constexpr std::size_t arguments_bytes_max = 256 * 1024;
inline constexpr std::size_t arguments_depth_max = 64;

/// How deep brackets nest in a JSON text. One pass, no memory: asked before
/// anything is built from it.
std::size_t json_depth(std::string_view text) noexcept;

/// Reads what a model gave as arguments; empty text is no arguments. Fails
/// with invalid_argument, in a sentence for the model, unless it is one JSON
/// object within the bounds above.
result<nlohmann::json> parse_arguments(std::string_view text);

/// A compiled JSON Schema (draft 7).
class argument_schema {
public:
  /// `invalid_argument` if the text is no schema.
  static result<argument_schema> compile(std::string_view json);

  /// Fails with invalid_argument, naming the first wrong field, what was
  /// expected and what was found. Thread-safe.
  result<void> check(const nlohmann::json& arguments) const;

private:
  struct compiled;

  std::shared_ptr<const compiled> compiled_;
};

} // namespace shannon::kit
