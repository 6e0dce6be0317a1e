#pragma once

#include "actors/workflow/engine/context.hpp"
#include "protocols/remote/agent.pb.h"
#include "protocols/remote/browser.pb.h"
#include "protocols/remote/llm.pb.h"
#include "protocols/remote/tool.pb.h"

#include <string>
#include <string_view>
#include <vector>

namespace shannon::agent {

/// The browser session of one agent, as the log has it: nothing here is known
/// but from recorded steps, so a replay knows the same.
struct browser_session {
  remote::BrowserOptions options;
  /// One was asked for; whether it was opened may not be known.
  bool wanted = false;
  /// The process that has it; empty: none was opened, or it was lost.
  std::string holder;
  /// URL, cookies and storage after the last action.
  std::string state;
  /// Keys of the blobs of what was drawn, the first `screenshots_max`.
  std::vector<std::string> screenshots;
  static constexpr std::size_t screenshots_max = 100;
};

/// Tools of this name go to a browser session, not to the TOOL RUNNER.
bool is_browser_tool(std::string_view name);

/// Does this brief name any? No agent has a browser unasked.
bool wants_browser(const remote::AgentBrief& brief);

struct numbered_call {
  std::size_t number = 0; ///< Among the calls of its turn, from 1.
  remote::ToolCall call;
};

/// Carries out the calls of one turn, one after another: each sees what those
/// before it did. The answers stand in the order of the calls.
///
/// An action is never made twice unknowingly. The session is opened by a step
/// of its own, which may be tried again wherever there is room; whoever holds
/// it knows what it was asked for already; if the holder is gone, the session
/// is opened anew from the last recorded state, and the model is told that its
/// action may or may not have taken effect.
workflow::durable<std::vector<remote::ToolResult>>
use_browser(workflow::context ctx, std::string agent,
            std::vector<numbered_call> calls, browser_session& session);

/// Ends the session, wherever it is: also one whose holder was not heard of.
/// What goes wrong is nobody's concern: the node ends it when it was idle for
/// long enough.
workflow::durable<workflow::nothing> close_browser(workflow::context ctx,
                                                   browser_session& session);

} // namespace shannon::agent
