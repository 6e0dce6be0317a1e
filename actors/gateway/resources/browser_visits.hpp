#pragma once

#include "actors/gateway/resources/browser_requests.hpp"

#include <cstdint>
#include <vector>

namespace shannon::gateway {

/// One step of a visit. What a step that may fail could not do is a warning in
/// the answer; another one's failure is the answer.
struct visit_step {
  browser_action what;
  bool may_fail = false;
};

/// `POST /capture`, `/capture/sections` and `/extract`: actions in a session of
/// their own, one after another. What is wrong with the request is
/// `invalid_argument`; what is wrong with the page is told with `success`
/// false.
using visit_steps = std::vector<visit_step>;
result<visit_steps> read_capture(const http_request& request,
                                 std::uint32_t depth_max);
result<visit_steps> read_sections(const http_request& request,
                                  std::uint32_t depth_max);
result<visit_steps> read_extract(const http_request& request,
                                 std::uint32_t depth_max);

/// `success, url, title, screenshot, popup_detected, popups_dismissed,
/// popup_screenshot, sections, sections_total, text, warning, error`: what its
/// steps came to, as far as they went.
http_response visit_answer(const visit_steps& steps,
                           const std::vector<remote::BrowserResult>& got);

} // namespace shannon::gateway
