#pragma once

#include "actors/kit/actor_base.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <string>

namespace shannon::bench {

/// TOOL RUNNER of the bench server: stands at `tool` and carries out at once
/// what costs nothing, so that what is measured is the engine.
///
///   takes       ToolRun                         protocols/remote/tool.proto
///   asks        nobody
///   supervised  by the root, permanent
///   persists    nothing
///
///   next         gives its argument, a number, plus one
///   write_line   appends its argument as a line to `effects_file`, in one
///                write; refused when no file is named. It does not look at
///                the attempt key: an attempt repeated after a crash writes a
///                second line, and the run's log must say so
///   write_keyed  appends attempt key and argument to `effects_file`.keyed: a
///                reader that takes each key once sees no repeat
caf::actor spawn_tools(caf::local_actor& parent, kit::actor_env& env,
                       std::string effects_file);

} // namespace shannon::bench
