#pragma once

#include "actors/gateway/http/strict_request.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shannon::gateway {

/// Undoes chunked framing, RFC 9112 section 7.1, of any bytes in any pieces.
/// Stricter than it where two readers could differ: no blanks around a size, no
/// control characters, and no trailer field that says where a body ends. Pure.
///
/// Beast 1.81 does not do it: it takes extensions of any length, and some
/// trailers end the process (an assertion of its own).
class chunk_decoder {
public:
  /// What a body may have: `bytes_max` in all, and `chunk_budget` beside it.
  explicit chunk_decoder(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  struct progress {
    std::size_t consumed = 0;
    bool done = false;
    std::optional<refusal> refused;
  };

  /// Appends to `body` what `bytes` hold of it. What is not consumed must be
  /// given again, with more behind it: less than one line.
  progress feed(std::string_view bytes, std::string& body);

private:
  enum class part : std::uint8_t { size, data, data_end, trailer, done };

  std::optional<refusal> read_size(std::string_view line);
  std::optional<refusal> read_trailer(std::string_view line);
  /// What no further byte can mend.
  std::optional<refusal> check_unended(std::string_view line) const;

  std::uint64_t bytes_max_;
  std::uint64_t taken_ = 0;
  std::uint64_t left_ = 0;
  std::size_t trailer_bytes_ = 0;
  chunk_budget extensions_;
  part part_ = part::size;
};

} // namespace shannon::gateway
