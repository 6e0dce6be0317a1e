#pragma once

#include "actors/browser/page/actions.hpp"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace shannon::browser {

/// An element that may be acted on.
struct located {
  std::string frame;
  std::uint64_t number = 0;
  std::string about; ///< For sentences: `button "Sign in"`.
  bool secret = false;
  /// A point of it that receives clicks, or the corner of its box; in the
  /// window of the page.
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;

  std::string name() const {
    return "@" + std::to_string(number) + " " + about;
  }
};

using needs = std::vector<std::string>;

/// Waits until the element that the selector names meets the needs (visible,
/// stable, enabled, editable, select, hit, scroll, box), for as long as the
/// call's patience lasts. The main frame is asked first, then the others.
/// Throws action_failed with what it lacked last, and what is similar.
boost::asio::awaitable<located> locate(action_call& call, std::string selector,
                                       needs wanted);

/// Frames that a selector may be about: of `@12` the one that gave the number.
std::vector<std::string> frames_for(action_call& call,
                                    const std::string& selector);

} // namespace shannon::browser
