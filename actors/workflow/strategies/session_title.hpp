#pragma once

#include "actors/workflow/engine/context.hpp"
#include "protocols/remote/workflow.pb.h"

#include <chrono>
#include <string>
#include <string_view>

namespace shannon::workflow {

/// What of a model's answer is a title: its first line, without quotation marks
/// around it, at most 60 characters. Empty: nothing.
std::string title_in(std::string_view answer);

/// Asks a small model for a title of the task's session and gives it to the
/// session, unless somebody else has given it one meanwhile; then clients are
/// told. Whatever goes wrong with it is no concern of the task's: the session
/// keeps the first words of its first query. `task` must outlive it.
durable<nothing> give_title(context ctx, const remote::TaskInput& task,
                            std::chrono::milliseconds time_max);

} // namespace shannon::workflow
