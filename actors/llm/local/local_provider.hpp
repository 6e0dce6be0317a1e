#pragma once

#include "actors/llm/provider.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

namespace shannon::llm {

/// LOCAL PROVIDER: the embedded default, a PROVIDER that answers by the rules
/// of actors/llm/local without leaving the process.
///
///   takes       provider_call                       actors/llm/provider.hpp
///               remote::CancelEffect                protocols/remote/llm.proto
///   asks        EVENT STORE, for files that a call names
///   tells       remote::LlmDelta                    protocols/remote/llm.proto
///   supervised  by supervisor/llm, permanent
///   persists    nothing
///   recovers    empty
///   metrics     metrics/llm_metrics.hpp
///
/// Answers at once, so there is nothing to cancel. Bound to
/// `llm-provider/NAME`.
caf::actor spawn_local_provider(caf::local_actor& parent, provider_args args);

} // namespace shannon::llm
