#pragma once

#include "actors/workflow/engine/context.hpp"
#include "protocols/remote/agent.pb.h"
#include "protocols/remote/workflow.pb.h"

#include <string>

namespace shannon::workflow {

/// A message to a program on a user's own machine: waits for its reply.
///
///   reply       the signal `daemon-reply-v1`; its payload is the output
///   timeout     fails when no reply has come for as many milliseconds as
///               `input` says in decimal
///
/// What is told on the way are events of its log.
durable<std::string> run_daemon(context ctx, std::string input);

/// Does the task's context say `"execution_target": "daemon"`? Schedules do,
/// whose tasks are for their users' own machines.
bool is_for_daemon(const remote::TaskInput& task);

/// Sends the task's query to the daemons of its user; the first reply is the
/// answer. Fails when none is connected, or none replies in time.
durable<remote::AgentReport> ask_daemon(context ctx,
                                        const remote::TaskInput& task);

} // namespace shannon::workflow
