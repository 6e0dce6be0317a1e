#pragma once

#include "protocols/remote/agent.pb.h"
#include "protocols/remote/workflow.pb.h"

namespace shannon::workflow {

/// Is this a task for one agent with a browser? Asked for by the context, as
/// `role` or `cognitive_strategy` `browser_use`, or because the query names a
/// site that shows nothing without one.
bool uses_browser(const remote::TaskInput& task);

/// Makes the brief of such a task's agent: the tools `browser_*`, turns enough
/// for steps, and the session's viewport, user agent and locale as the
/// context's `browser` object has them. What is wrong there is left out.
void give_browser(const remote::TaskInput& task, remote::AgentBrief& brief);

} // namespace shannon::workflow
