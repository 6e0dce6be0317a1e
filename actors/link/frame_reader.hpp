#pragma once

#include "protocols/errc.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shannon::link {

/// Length before each frame: four bytes, big end first.
constexpr std::size_t length_bytes = 4;

/// Appends the length of a frame that has `size` bytes.
void append_length(std::string& to, std::uint32_t size);

/// Cuts a stream of bytes into frames. Room is taken as bytes come, never
/// because a length announces them; a length above the limit is an error at
/// once. So a peer costs as much memory as it has sent, and one frame at most.
class frame_reader {
public:
  explicit frame_reader(std::size_t frame_bytes_max)
      : frame_bytes_max_(frame_bytes_max) {}

  /// For frames that follow.
  void limit(std::size_t frame_bytes_max) noexcept {
    frame_bytes_max_ = frame_bytes_max;
  }

  void take(std::string_view bytes);

  /// The next whole frame, without its length; nothing if it has not come yet.
  /// Holds until `take`.
  result<std::optional<std::string_view>> next();

  /// Bytes that are kept for a frame that is not whole.
  std::size_t kept() const noexcept {
    return bytes_.size() - at_;
  }
  std::size_t room() const noexcept {
    return bytes_.capacity();
  }

private:
  std::size_t frame_bytes_max_;
  std::string bytes_;
  std::size_t at_ = 0;
};

} // namespace shannon::link
