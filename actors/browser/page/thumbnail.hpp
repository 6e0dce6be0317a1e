#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shannon::browser {

/// What a thumbnail may be at most, in pixels and bytes.
struct thumbnail_limits {
  std::uint32_t width = 320;
  std::uint32_t height = 480;
  std::size_t bytes = 16 * 1024;
};

/// A small JPEG of the upper part of a PNG or JPEG: as wide as the image or as
/// the limit, and as much of its height as there is room for. Made from the
/// image, since asking Chromium to draw a second one costs a frame or two.
/// Nothing when it is no such image, or when even a coarse one does not fit.
/// Takes some ms for a window: not for the loop's thread.
std::optional<std::string> make_thumbnail(std::string_view image,
                                          thumbnail_limits = {});

} // namespace shannon::browser
