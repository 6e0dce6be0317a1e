#pragma once

#include "actors/kit/actor_base.hpp"
#include "actors/llm/models/catalogue.hpp"
#include "config/settings.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <memory>

namespace shannon::llm {

struct router_args {
  kit::actor_env& env;
  config::llm_settings settings;
  std::shared_ptr<const catalogue> models;
};

/// LLM ROUTER: where all model calls come in; chooses the model and passes the
/// call to its PROVIDER, or to the next one's when a breaker is open.
///
///   takes       remote::LlmCall, CancelEffect, ListModels
///                                                   protocols/remote/llm.proto
///               straight::offer, past its mailbox
///                                                   protocols/straight_call.hpp
///   asks        PROVIDER: provider_call             actors/llm/provider.hpp
///   supervised  by supervisor/llm, permanent
///   persists    nothing
///   recovers    empty; calls under way are refused `unavailable` when it ends
///
/// A second call with the attempt key of one under way joins it: it comes from
/// a run that was started again. A call of no run for one named model is handed
/// over: its PROVIDER answers the asker. Bound to `llm/worker`.
caf::actor spawn_router(caf::local_actor& parent, router_args args);

} // namespace shannon::llm
