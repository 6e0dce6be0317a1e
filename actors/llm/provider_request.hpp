#pragma once

#include "actors/kit/http_client.hpp"
#include "actors/llm/models/catalogue.hpp"
#include "actors/llm/wire/wire_format.hpp"
#include "config/settings.hpp"
#include "protocols/remote/llm.pb.h"

#include <string>

/// How a provider is asked: pure.
namespace shannon::llm {

/// The language it speaks.
const wire_format& wire_of(const provider_entry& provider);

/// `asked` in its words, for one of its models. `context` names the attempt;
/// `traceparent` goes with it, unless it is empty.
kit::http_request provider_request(const provider_entry& provider,
                                   const model_entry& model,
                                   const remote::EffectContext& context,
                                   const remote::LlmRequest& asked,
                                   const std::string& traceparent);

/// How long its answer may take, and be. A stream's tokens are watched by who
/// reads them: heads and comments come before and between them.
kit::http_limits provider_limits(const config::llm_settings& settings,
                                 bool stream);

/// What is kept open to it between calls.
kit::http_client_options client_options(const config::llm_settings& settings);

} // namespace shannon::llm
