#pragma once

#include "actors/kit/actor_base.hpp"
#include "actors/kit/http_client.hpp"
#include "actors/llm/models/catalogue.hpp"
#include "config/settings.hpp"
#include "protocols/remote/llm.pb.h"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <functional>
#include <memory>
#include <string>

namespace shannon::llm {

struct llm_call_args {
  kit::actor_env& env;
  std::string id;
  config::llm_settings settings;
  std::shared_ptr<kit::http_client> client;
  std::shared_ptr<const catalogue> models;
  const provider_entry* provider = nullptr; ///< One of `models`.
  model_entry model;
  message_body call; ///< A remote::LlmCall.
  address deltas_to; ///< Empty: nobody wants deltas.
  /// Goes with the request, if there is one.
  std::string traceparent;
  /// Called once, from the CALL's thread, unless it is ended from outside.
  std::function<void(result<remote::LlmResponse>)> report;
};

/// LLM CALL: one HTTP exchange with a provider, from the request to the
/// answer, its usage and its price. Tells what comes as remote::LlmDelta to
/// the address the call names. Never tries twice: that is the run's to decide.
///
///   takes       nothing; ending it from outside closes the socket at once
///   asks        EVENT STORE, for files that the call names
///   tells       remote::LlmDelta                    protocols/remote/llm.proto
///   supervised  by its PROVIDER, temporary
///   persists    nothing
///   recovers    not at all
///
/// Bound to `llm-call/ID`.
caf::actor spawn_llm_call(caf::local_actor& parent, llm_call_args args);

} // namespace shannon::llm
