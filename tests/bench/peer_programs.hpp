#pragma once

#include "actors/workflow/engine/run.hpp"

#include <string_view>

namespace shannon::bench {

/// The programs the bench server runs, by name; null for a name it does not
/// know. Written like any strategy, with the public context alone.
///
///   steps  N steps one after another; each takes the number before it and
///          gives the next, so that none can begin before the last has ended
///   fan    N steps side by side
///   park   waits for the signal `go`, then writes its input as a line
///
/// A step is an effect of kind `tool`, carried out by the actor at `tool` like
/// every tool of the product: it starts only once every fact before it is on
/// disk, and its outcome is appended before the program goes on. A local side
/// effect (`ctx.local`) would be cheaper, but it is recorded together with
/// what follows; that would not be a durable step.
workflow::program program_named(std::string_view name);

} // namespace shannon::bench
