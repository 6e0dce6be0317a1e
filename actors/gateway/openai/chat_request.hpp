#pragma once

#include "actors/gateway/text/json_text.hpp"
#include "protocols/errc.hpp"
#include "protocols/remote/llm.pb.h"

#include <cstddef>

/// What clients of the chat surface ask, in three languages, and read into one
/// form. Pure. What is wrong is refused as `invalid_argument` and named.
namespace shannon::gateway::chat {

/// Most messages, tools and stop texts of one request; more is refused.
inline constexpr std::size_t messages_max = 10'000;
inline constexpr std::size_t tools_max = 1'024;
inline constexpr std::size_t stops_max = 16;

struct chat_request {
  /// The model as the client calls it, empty if it names none; messages, tools
  /// and choices; `stream` says that the client wants events.
  remote::LlmRequest call;
  /// The client wants usage at the end of a stream, too.
  bool include_usage = false;
  /// `shannon_options`: what an agent's task gets as its context.
  json_in options = json_in::object();
};

/// POST /v1/chat/completions: OpenAI's language. A `system` or `developer`
/// message is a system prompt; `functions` of old are not read.
result<chat_request> read_chat(const json_in& body);

/// POST /v1/messages: Anthropic's. What it alone knows (cache hints, thinking,
/// `top_k`) is passed over, tools that run at Anthropic's are refused.
result<chat_request> read_messages(const json_in& body);

/// POST /v1/completions: the reference platform's own, in which a tier may
/// stand in a model's place.
result<chat_request> read_completions(const json_in& body);

} // namespace shannon::gateway::chat
