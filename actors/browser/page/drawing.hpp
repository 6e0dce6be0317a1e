#pragma once

#include "actors/browser/page/actions.hpp"

#include <cstddef>
#include <string>

namespace shannon::browser {

/// What is drawn, in pixels of the page.
struct area {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
  bool beyond = false; ///< Of the window.
  bool window = false; ///< Just what the window shows.
  bool cut = false;    ///< There is more of it.

  /// Cuts off what is more than is ever drawn at once.
  void bound();
};

struct drawn {
  std::string format; ///< `png` or `jpeg`.
  std::string bytes;

  const char* ending() const noexcept {
    return format == "png" ? "png" : "jpg";
  }
};

/// The current page as an image; a JPEG where a PNG would have more than
/// `limit` bytes, which it may have all the same.
boost::asio::awaitable<drawn> draw(action_call& call, area of,
                                   std::string format, std::size_t limit);

} // namespace shannon::browser
