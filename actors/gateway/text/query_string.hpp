#pragma once

#include "protocols/errc.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace shannon::gateway {

/// The parameters after the `?`, decoded. Of a repeated one the first counts.
class query_string {
public:
  /// Refuses (invalid_argument) a malformed escape, NUL or bytes that are not
  /// UTF-8, and names the parameter.
  static result<query_string> parse(std::string_view text);

  /// Empty if it is absent.
  const std::string& get(const std::string& name) const;

  /// `otherwise` if it is absent; nothing if it is no whole number within
  /// the bounds. Strict: no sign, no blanks.
  std::optional<std::int64_t> number(const std::string& name,
                                     std::int64_t otherwise, std::int64_t least,
                                     std::int64_t most) const;

private:
  std::map<std::string, std::string> values_;
};

/// A whole number without sign, blanks or leading plus.
std::optional<std::int64_t> parse_number(std::string_view text);

} // namespace shannon::gateway
