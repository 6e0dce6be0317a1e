#pragma once

#include "actors/workflow/engine/context.hpp"
#include "protocols/remote/agent.pb.h"

#include <cstdint>
#include <string>

namespace shannon::agent {

struct loop_options {
  /// For a brief that does not say.
  std::uint32_t iterations_max = 25;
  /// Tool calls taken from one answer of the model; the rest are refused to
  /// it by name, so that it can ask again.
  std::uint32_t calls_per_turn_max = 16;
  std::uint32_t output_tokens_max = 8'192;
  /// For a brief that does not say.
  std::uint64_t conversation_bytes_max = 512 * 1024;
};

/// The agent loop: asks the model, runs the tools it calls side by side, tells
/// it what they gave, until it answers. Each model call and each tool call is
/// one recorded step, so a restart goes on in mid-loop.
///
/// `input` is a serialized AgentBrief, the output a serialized AgentReport.
/// What is wrong with a tool call goes back to the model as a short error and
/// never ends the loop. A conversation that reaches its limit is shortened,
/// the oldest tool results first. After the last iteration the model is asked
/// once more, without tools, for the best answer it has; so it is when its
/// budget wears thin (`budget::is_thin`). With one that is spent it fails.
workflow::durable<std::string>
run_agent(workflow::context ctx, std::string input, loop_options options);

} // namespace shannon::agent
