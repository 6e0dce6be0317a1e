#pragma once

#include "actors/kit/actor_base.hpp"
#include "actors/kit/http_client.hpp"
#include "actors/llm/models/catalogue.hpp"
#include "config/settings.hpp"
#include "metrics/llm_metrics.hpp"
#include "protocols/remote/llm.pb.h"
#include "protocols/straight_call.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace shannon::llm {

// -- between ROUTER and PROVIDER ----------------------------------------------

/// Make this call with this model. Answers remote::LlmResponse, a refusal, or
/// breaker_open; the latter not if no other may be asked.
struct provider_call {
  message_body call; ///< A remote::LlmCall.
  model_entry model;
  address deltas_to; ///< Empty: nobody wants deltas.
  bool no_other = false;
};

/// Make this one now, with this model, or leave it: see straight_call.hpp.
struct straight_offer {
  straight::offer what;
  model_entry model;
};

/// Nothing was tried: the provider failed too often. Another may.
struct breaker_open {
  std::chrono::milliseconds wait{0};
};

/// Why nobody is asked: each breaker is open, the first for so long.
error all_failed(std::optional<std::chrono::milliseconds> wait);

/// Where the PROVIDER of this name stands.
address provider_address(const std::string& name);

// -- the actor ----------------------------------------------------------------

struct provider_args {
  kit::actor_env& env;
  config::llm_settings settings;
  boost::asio::io_context& loop;
  metrics::llm_metrics& metrics;
  std::shared_ptr<const catalogue> models;
  /// One of `models`.
  const provider_entry* entry = nullptr;
};

/// PROVIDER: all calls to one provider; lets so many go out at a time, keeps
/// the others waiting in a bounded queue, and stops asking one that is down.
///
///   takes       provider_call                       this file
///               straight_offer, past its mailbox    this file
///               remote::CancelEffect                protocols/remote/llm.proto
///   supervised  by supervisor/llm, permanent
///   persists    nothing
///   recovers    empty; calls under way are refused `unavailable` when it ends
///   metrics     metrics/llm_metrics.hpp
///
/// Places and breaker count for straight calls too (`provider_gate`), which it
/// ends when it ends. Bound to `llm-provider/NAME`.
caf::actor spawn_provider(caf::local_actor& parent, provider_args args);

} // namespace shannon::llm
