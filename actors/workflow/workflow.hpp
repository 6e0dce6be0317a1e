#pragma once

#include "actors/kit/actor_base.hpp"
#include "actors/workflow/engine/run.hpp"
#include "actors/workflow/intake.hpp"
#include "config/settings.hpp"
#include "metrics/run_metrics.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace shannon::workflow {

/// What WORKFLOWs can run, by the name that stands in `RunStarted.strategy`.
using programs = std::map<std::string, program, std::less<>>;

/// WORKFLOW: carries one run, a task or any other program, from its acceptance
/// to its last event.
///
///   takes       StartTask, StartRun, CancelTask, SignalTask, Subscribe,
///               Unsubscribe, QueryRun, DescribeRun, ResumeRun, SetPaused,
///               RunEnded
///                                            protocols/remote/workflow.proto
///               AgentProgress, AgentEnded    protocols/remote/agent.proto
///               LlmDelta                     protocols/remote/llm.proto
///   asks        EVENT STORE, LLM ROUTER, TOOL RUNNER, AGENTs; WORKFLOWs of
///               its child runs; who started it, to take its end; RECORD
///               STORE: the title of its session; GATEWAY: daemons of its user
///   tells       its subscribers: RunEvent for each stored fact, RunDelta
///   supervised  by its ACTIVATOR (`workflow`), which brings it back
///   persists    every fact of the run, on the log named like the run
///   recovers    by replay: recorded steps are given back, what was under way
///               is started again under the same attempt key, and agents and
///               child runs are asked again for what they have to tell
///   rests       while the run waits and nobody follows it; also while it
///               waits for agents and child runs alone, which tell their ends
///   metrics     shannon_run_*{kind="workflow"}  metrics/run_metrics.hpp
struct workflow_args {
  kit::actor_env& env;
  config::run_settings settings;
  config::llm_settings llm;
  metrics::run_metrics& metrics;
  /// Beside `task` and `daemon`, which every node knows, or in their place. A
  /// log of a program that is not known is parked; a new run of one is refused.
  programs more{};
  /// What their logs are, and their addresses begin with.
  std::string kind = "workflow";
  /// New tasks are refused `overloaded` while it has no room. Null: they are
  /// not.
  std::shared_ptr<intake> door{};
};

/// The ACTIVATOR of all WORKFLOWs of this node, bound to `workflow`.
caf::actor spawn_workflows(caf::local_actor& parent, workflow_args args);

/// SCHEDULEs: WORKFLOWs of the program `schedule`, with logs of a kind of their
/// own, so that they are no tasks. Bound to `schedule`.
caf::actor spawn_schedules(caf::local_actor& parent, workflow_args args);

} // namespace shannon::workflow
