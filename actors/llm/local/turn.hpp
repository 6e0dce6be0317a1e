#pragma once

#include "protocols/remote/llm.pb.h"

namespace shannon::llm {

/// The next message of an agent: tool calls while something is left to do,
/// several at once where they do not wait for each other, then the answer.
/// The id of a call names its intent, so the state is the conversation alone.
remote::ChatMessage next_turn(const remote::LlmRequest& request);

/// What this model is and how to get another: said whenever it must pass.
std::string about_this_model();

} // namespace shannon::llm
