#pragma once

#include "actors/workflow/engine/context.hpp"

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

} // namespace shannon::workflow
