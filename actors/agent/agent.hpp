#pragma once

#include "actors/kit/actor_base.hpp"
#include "config/settings.hpp"
#include "metrics/run_metrics.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

namespace shannon::agent {

/// AGENT: carries one part of a task from its brief to its report.
///
///   takes       StartAgent, CancelAgent      protocols/remote/agent.proto
///               DescribeRun, ResumeRun, SetPaused
///                                            protocols/remote/workflow.proto
///   asks        EVENT STORE, LLM ROUTER, TOOL RUNNER; its WORKFLOW, to take
///               each of its facts and in the end its report
///   supervised  by its ACTIVATOR (`agent`), which brings it back
///   persists    every fact of the loop, on the log `<task>/<name>`
///   recovers    by replay, in mid-loop; the WORKFLOW says what it has seen,
///               and is told the rest again
///   metrics     shannon_run_*{kind="agent"}  metrics/run_metrics.hpp
struct agent_args {
  kit::actor_env& env;
  config::run_settings settings;
  config::llm_settings llm;
  metrics::run_metrics& metrics;
};

/// The ACTIVATOR of all AGENTs of this node, bound to `agent`.
caf::actor spawn_agents(caf::local_actor& parent, agent_args args);

} // namespace shannon::agent
