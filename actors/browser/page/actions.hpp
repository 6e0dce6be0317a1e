#pragma once

#include "actors/browser/page/session.hpp"

#include <string>
#include <string_view>

namespace shannon::browser {

/// One action under way. What goes wrong is thrown: action_failed is told to
/// the model, cdp_failed ends the session.
struct action_call {
  session& in;
  const nlohmann::json& given;
  time_point deadline; ///< For all of it.
  time_point patience; ///< For elements and conditions: `timeout_ms`.
  std::chrono::milliseconds patience_is; ///< The same, for sentences.
  action_result& out;

  tab& page() const noexcept {
    return in.current();
  }
  std::string text(const char* key, std::string fallback = {}) const;
  bool has(const char* key) const {
    return given.contains(key) && !given[key].is_null();
  }
};

using action_function = boost::asio::awaitable<void> (*)(action_call& call);

boost::asio::awaitable<void> do_navigate(action_call& call);
boost::asio::awaitable<void> do_back(action_call& call);
boost::asio::awaitable<void> do_forward(action_call& call);
boost::asio::awaitable<void> do_reload(action_call& call);
boost::asio::awaitable<void> do_click(action_call& call);
boost::asio::awaitable<void> do_hover(action_call& call);
boost::asio::awaitable<void> do_scroll(action_call& call);
boost::asio::awaitable<void> do_type(action_call& call);
boost::asio::awaitable<void> do_fill(action_call& call);
boost::asio::awaitable<void> do_select(action_call& call);
boost::asio::awaitable<void> do_press(action_call& call);
boost::asio::awaitable<void> do_wait(action_call& call);
boost::asio::awaitable<void> do_extract(action_call& call);
boost::asio::awaitable<void> do_observe(action_call& call);
boost::asio::awaitable<void> do_screenshot(action_call& call);
boost::asio::awaitable<void> do_pdf(action_call& call);
boost::asio::awaitable<void> do_evaluate(action_call& call);
boost::asio::awaitable<void> do_download(action_call& call);
boost::asio::awaitable<void> do_tabs(action_call& call);
boost::asio::awaitable<void> do_close(action_call& call);
boost::asio::awaitable<void> do_show_as(action_call& call);
boost::asio::awaitable<void> do_tidy(action_call& call);
boost::asio::awaitable<void> do_sections(action_call& call);

/// Where the name leads: `browser_click`, or `browser` with `action: click`.
/// Null for a name that is none.
action_function find_action(std::string_view name,
                            const nlohmann::json& arguments);
/// Its time is that of a page, not that of an element.
bool waits_for_page(action_function what);

/// The address if a page may be led there: http and https only. Throws
/// action_failed.
std::string checked_url(const std::string& given);
/// Waits until the document that `until` names has come that far, where a
/// navigation is under way. Returns false when time ran out.
boost::asio::awaitable<bool> arrive(action_call& call, milestone how_far,
                                    time_point until);
/// After something was done to a page: if that led elsewhere, waits for it.
boost::asio::awaitable<void> settle(action_call& call);

} // namespace shannon::browser
