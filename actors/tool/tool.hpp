#pragma once

#include "actors/kit/actor_base.hpp"
#include "actors/kit/io_loop.hpp"
#include "actors/tool/registry.hpp"
#include "config/settings.hpp"
#include "metrics/tool_metrics.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace shannon::tool {

/// TOOL RUNNER: runs tools for agents, each call in a child of its own.
///
///   takes       ToolRun, CancelEffect, ListTools protocols/remote/tool.proto
///   asks        nobody; watches its TOOL RUN children
///   supervised  by the node's tool supervisor, permanent
///   persists    nothing: who asks records the answer
///   recovers    empty; runs under way end with it and are asked again
///   metrics     shannon_tool_* in metrics/tool_metrics.cpp
///
/// A ToolRun is answered with a ToolResult whatever the tool does; it is
/// refused only as `overloaded` (retryable), `cancelled`, or `conflict` (the
/// attempt key is in use for another call). Bound to `tool/worker`.
struct tool_args {
  kit::actor_env& env;
  config::tool_settings settings;
  /// Where processes and sockets are watched; outlives the actor system, and
  /// so does its thread: sandboxed programs die with it.
  kit::io_loop& loop;
  metrics::tool_metrics metrics;
  /// The tools instead of the builtin ones: for tests.
  std::vector<tool_definition> tools = {};
};

caf::actor spawn_tool(caf::local_actor& parent, tool_args args);
caf::actor spawn_tool(caf::actor_system& sys, tool_args args);

} // namespace shannon::tool
