#pragma once

#include "actors/kit/actor_base.hpp"
#include "actors/kit/io_loop.hpp"
#include "actors/kit/supervisor.hpp"
#include "actors/llm/models/catalogue.hpp"
#include "config/settings.hpp"
#include "metrics/llm_metrics.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <memory>

namespace shannon::llm {

struct llm_args {
  kit::actor_env& env;
  config::llm_settings settings;
  /// Sockets to providers live here.
  kit::io_loop& loop;
  metrics::llm_metrics& metrics;
  /// Null: loaded from the settings and the environment. A node loads it
  /// itself to refuse a bad file before anything starts.
  std::shared_ptr<const catalogue> models = nullptr;
};

/// The role `llm`: the LLM ROUTER and one PROVIDER for each provider that can
/// be used. Fails if the models file is bad.
result<kit::supervisor_spec> llm_tree(llm_args args);

/// Starts that tree as `supervisor/llm`. Throws if the models file is bad.
caf::actor spawn_llm(caf::local_actor& parent, llm_args args);

} // namespace shannon::llm
