#pragma once

#include "actors/kit/actor_base.hpp"
#include "config/settings.hpp"
#include "metrics/run_metrics.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

namespace shannon::workflow {

/// WORKFLOW: carries one task from its acceptance to its last event.
///
///   takes       StartTask, CancelTask, SignalTask, Subscribe, Unsubscribe
///                                            protocols/remote/workflow.proto
///               AgentProgress, AgentEnded    protocols/remote/agent.proto
///               LlmDelta                     protocols/remote/llm.proto
///   asks        EVENT STORE, AGENTs, LLM ROUTER
///   tells       its subscribers: RunEvent for each stored fact, RunDelta
///   supervised  by its ACTIVATOR (`workflow`), which brings it back
///   persists    every fact of the run, on the log named like the task
///   recovers    by replay: recorded steps are given back, what was under way
///               is started again under the same attempt key
///   metrics     shannon_run_*{kind="workflow"}  metrics/run_metrics.hpp
struct workflow_args {
  kit::actor_env& env;
  config::run_settings settings;
  config::llm_settings llm;
  metrics::run_metrics& metrics;
};

/// The ACTIVATOR of all WORKFLOWs of this node, bound to `workflow`.
caf::actor spawn_workflows(caf::local_actor& parent, workflow_args args);

} // namespace shannon::workflow
