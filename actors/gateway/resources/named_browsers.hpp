#pragma once

#include "actors/gateway/desk.hpp"
#include "protocols/errc.hpp"
#include "protocols/remote/browser.pb.h"

#include <functional>
#include <string>

namespace shannon::gateway {

using browser_then = std::function<void(result<remote::BrowserResult>)>;

/// Carries out `what` in the session it names, on whatever node has that: one
/// that nobody has is opened where there is room, and the database says which
/// of two that were opened at once is the session; the other is closed. Of
/// whom the database says nothing is known to this node yet, or is gone with
/// its session, is looked for again, until the browsers' patience is over.
/// `then` is called once.
///
/// An action that may have begun and was not answered is told as it ended:
/// `unavailable` without a time to wait. Whether it took effect nobody knows.
void act_in_named(desk& gateway, remote::BrowserRun what, browser_then then);

/// Ends the session, if anybody has it. `then` is called once.
void close_named(desk& gateway, const std::string& session,
                 std::function<void(result<void>)> then);

/// Sends actions to the nodes with browsers.
inline address browser_dispatcher() {
  return {"browser"};
}

/// The longest an action of a client's may take, its session's opening
/// included.
inline constexpr std::chrono::seconds browser_patience{120};

} // namespace shannon::gateway
