#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/gateway/openai/answer_writer.hpp"
#include "config/chat_models.hpp"
#include "protocols/remote/llm.pb.h"

#include <optional>
#include <string>
#include <string_view>

/// Which models there are: agents of ours, and models of providers. Pure.
namespace shannon::gateway::chat {

/// GET /v1/models, for OpenAI's clients or for Anthropic's.
http_response models_answer(dialect which, const config::chat_models& agents,
                            const remote::ModelList& direct);

/// GET /v1/models/{model}.
http_response model_answer(dialect which, const config::chat_models& agents,
                           const remote::ModelList& direct,
                           const std::string& id);

/// GET /v1/llm-models?tier=: `models` is null if there are none.
http_response llm_models_answer(const remote::ModelList& direct,
                                std::string_view tier);

/// Who speaks, as far as its request tells: Anthropic's clients name a version
/// of the API, and nobody else asks for /v1/messages. Nothing: a request that
/// is none of this surface.
std::optional<dialect> dialect_of(const http_request& request);

} // namespace shannon::gateway::chat
