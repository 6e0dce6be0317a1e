#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/gateway/text/answers.hpp"
#include "protocols/browser.hpp"
#include "protocols/errc.hpp"
#include "protocols/remote/browser.pb.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace shannon::gateway {

/// One action in a client's own browser session.
struct browser_action {
  std::string action; ///< A tool's name: `browser_navigate`.
  std::string arguments_json;
};

/// What the reference platform's browser service is asked: `POST
/// /browser/action`. `session_id` names the session; it is opened if it is not
/// there. `invalid_argument` says what was expected.
struct action_request {
  std::string session_id;
  browser_action what;
};
result<action_request> read_action(const http_request& request,
                                   std::uint32_t depth_max);
/// `POST /browser/close`.
result<std::string> read_close(const http_request& request,
                               std::uint32_t depth_max);

/// `POST /capture` and `POST /extract`: actions in a session of their own, one
/// after another; the first that fails is the answer.
struct visit_request {
  std::vector<browser_action> actions;
};
result<visit_request> read_capture(const http_request& request,
                                   std::uint32_t depth_max);
result<visit_request> read_extract(const http_request& request,
                                   std::uint32_t depth_max);

/// `success, url, title, screenshot, content, elements, result, error`.
http_response action_answer(const remote::BrowserResult& got);
/// `success, url, title, screenshot, text, error` of all its actions.
http_response visit_answer(const std::vector<remote::BrowserResult>& got);
http_response sessions_answer(const shannon::browser::pool_report& all);

} // namespace shannon::gateway
