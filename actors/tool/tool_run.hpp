#pragma once

#include "actors/kit/actor_base.hpp"
#include "actors/tool/run_table.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <functional>

namespace shannon::tool {

/// TOOL RUN: one call of a tool, from its start to its end.
///
///   takes       nothing
///   asks        nobody; reports to the TOOL RUNNER that spawned it
///   supervised  by that TOOL RUNNER, temporary and monitored
///   persists    nothing
///   recovers    never: its end is the end of the call
///
/// However it ends, the tool is stopped: its process killed, its socket
/// closed. A throw in a tool ends this actor and no other.
struct tool_run_args {
  kit::actor_env& env;
  run_number number;
  checked_call call;
  remote::EffectContext context;
  /// Called once, on any thread, unless the run ends before its tool.
  tool_done report;
};

caf::actor spawn_tool_run(caf::local_actor& parent, tool_run_args args);

} // namespace shannon::tool
