#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/gateway/text/answers.hpp"
#include "protocols/browser.hpp"
#include "protocols/errc.hpp"
#include "protocols/remote/browser.pb.h"

#include <cstdint>
#include <string>

namespace shannon::gateway {

/// One action in a client's own browser session.
struct browser_action {
  std::string action; ///< A tool's name: `browser_navigate`.
  std::string arguments_json;
};

/// What the reference platform's browser service is asked: `POST
/// /browser/action`. `session_id` names the session; it is opened if it is not
/// there, with the window and locale named. `invalid_argument` says what was
/// expected.
struct action_request {
  std::string session_id;
  std::string action; ///< As the client named it.
  browser_action what;
  remote::BrowserOptions options;
};
result<action_request> read_action(const http_request& request,
                                   std::uint32_t depth_max);
/// `POST /browser/close`.
result<std::string> read_close(const http_request& request,
                               std::uint32_t depth_max);

/// `success, session_id, action, url, title, screenshot, content, elements,
/// result, error, elapsed_ms`.
http_response action_answer(const action_request& asked,
                            const remote::BrowserResult& got);
http_response sessions_answer(const shannon::browser::pool_report& all);

/// What an action told of its page.
struct page_facts {
  std::string url;
  std::string title;
  json_out about; ///< All of it; an object.
};
page_facts facts_of(const remote::BrowserResult& got);
/// The first image among its files; null if there is none.
const remote::BrowserFile* picture_in(const remote::BrowserResult& got);

} // namespace shannon::gateway
