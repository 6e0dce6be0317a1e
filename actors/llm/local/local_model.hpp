#pragma once

#include "protocols/remote/llm.pb.h"

namespace shannon::llm {

/// What the embedded default calls itself.
inline constexpr auto local_model_id = "local-rules-1";

/// The embedded default: answers by rules, always the same for the same
/// request. It plans, asks for the tools it is offered, and puts their results
/// into sentences; it knows nothing of the world and says so.
///
/// - purpose `plan`: one JSON object with subtasks;
/// - purpose `synthesize`: the agents' reports, joined;
/// - else: tool calls while something is left to do, then an answer.
///
/// Tokens are estimates, the cost is 0.
remote::LlmResponse local_answer(const remote::LlmRequest& request);

} // namespace shannon::llm
