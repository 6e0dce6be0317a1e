#pragma once

#include "actors/browser/page/actions.hpp"
#include "actors/browser/page/keys.hpp"

#include <string>
#include <string_view>

namespace shannon::browser {

/// Real input: what a page hears is trusted, as if from a person.

struct press_of_mouse {
  double x = 0;
  double y = 0;
  std::string button = "left";
  int count = 1;
  int modifiers = 0;
};

boost::asio::awaitable<void> move_mouse(action_call& call, double x, double y);
boost::asio::awaitable<void> click_mouse(action_call& call, press_of_mouse how);
boost::asio::awaitable<void> press_keys(action_call& call, chord keys);
/// Key by key as far as a keyboard has them, the rest as it is inserted by an
/// input method.
boost::asio::awaitable<void> type_text(action_call& call, std::string text);
boost::asio::awaitable<void> insert_text(action_call& call, std::string text);

} // namespace shannon::browser
