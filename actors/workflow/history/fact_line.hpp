#pragma once

#include "protocols/facts/run.pb.h"

#include <string>

namespace shannon::history {

/// `StepCompleted` and the like; what a later build added has no name here.
std::string kind_of(const facts::Fact& fact);

/// What a fact says, in one line and without its bodies: kind, place, attempt,
/// and why. `AttemptFailed 1/agent#1, attempt 2: unavailable: busy`.
std::string fact_line(const facts::Fact& fact);

} // namespace shannon::history
