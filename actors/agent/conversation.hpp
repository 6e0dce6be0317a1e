#pragma once

#include "protocols/facts/run.pb.h"
#include "protocols/remote/agent.pb.h"
#include "protocols/remote/llm.pb.h"
#include "protocols/remote/tool.pb.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::agent {

/// What the model has been told and has answered so far.
using conversation = std::vector<remote::ChatMessage>;

/// System prompt, history and the task with the reports it builds on and the
/// files that came with it.
conversation open_conversation(const remote::AgentBrief& brief,
                               std::string_view system_prompt);

/// The model's answer becomes part of it. Calls without an id get one, since
/// results name the call they answer.
const remote::ChatMessage& add_answer(conversation& what,
                                      remote::ChatMessage answer);

/// What a tool gave, as the model is told.
void add_result(conversation& what, const remote::ToolCall& call,
                const remote::ToolResult& result);

/// Bytes of all that is said in it; files are named in it, not held.
std::size_t size_of(const conversation& what);

/// Brings it down to `bytes_max`: the oldest tool results give way to a note,
/// then those of the last turn are cut. Depends on nothing else, so a replay
/// says the same to the model. False if it is still larger then.
bool shorten(conversation& what, std::size_t bytes_max);

// -- what clients are told ----------------------------------------------------

facts::Event invoked_event(const std::string& agent,
                           const remote::ToolCall& call);
facts::Event observed_event(const std::string& agent,
                            const remote::ToolCall& call,
                            const remote::ToolResult& result);
/// `LLM_OUTPUT` for an answer, `AGENT_THINKING` when it only calls tools.
facts::Event answered_event(const std::string& agent,
                            const remote::LlmResponse& answer);
facts::Event role_event(const std::string& agent, const std::string& role,
                        const remote::ToolList& tools);

/// The arguments as clients may see them: strings cut at 1,000 bytes, values
/// of keys that name secrets replaced, nesting cut at 4 levels; empty object
/// for what is no JSON.
std::string presentable_arguments(std::string_view arguments_json);

} // namespace shannon::agent
