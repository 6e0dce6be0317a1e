#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace shannon::browser {

/// Finds where a message's body ends in bytes that are passed on as they come:
/// nothing is decoded, copied or kept. Pure.
///
/// Of chunked framing only what two readers understand alike is followed: hex
/// digits, an extension after a semicolon, lines that end in CR LF.
class body_end {
public:
  static body_end none() noexcept {
    return after(0);
  }
  static body_end after(std::uint64_t bytes) noexcept;
  /// `from_server`: also blanks behind a size and trailer fields, as some old
  /// servers send them. No browser does, so a request with them is broken.
  static body_end chunked(bool from_server) noexcept;
  /// The body is all that comes until the far side ends the connection.
  static body_end at_close() noexcept;

  /// How many of these bytes belong to the body.
  std::size_t take(std::string_view bytes) noexcept;

  /// Took its last byte: what follows belongs to the next message.
  bool done() const noexcept {
    return part_ == part::done;
  }
  /// No further byte can make this a body.
  bool broken() const noexcept {
    return part_ == part::broken;
  }
  bool is_at_close() const noexcept {
    return part_ == part::endless;
  }
  bool is_chunked() const noexcept {
    return chunked_;
  }

private:
  enum class part : std::uint8_t {
    length,
    endless,
    size,
    blanks,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_begin,
    trailer,
    trailer_lf,
    last_lf,
    done,
    broken,
  };

  part step(char c) noexcept;
  part on_digit(std::uint8_t digit) noexcept;

  part part_ = part::done;
  bool chunked_ = false;
  bool from_server_ = false;
  std::uint64_t left_ = 0;
  /// Digits of a size, bytes of an extension, or of all trailers.
  std::uint32_t line_ = 0;
};

} // namespace shannon::browser
