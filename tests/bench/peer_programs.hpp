#pragma once

#include "actors/workflow/workflow.hpp"

namespace shannon::bench {

/// The programs of the bench server, by name. Written like any strategy, with
/// the public context alone.
///
///   steps  N steps one after another; each takes the number before it and
///          gives the next, so that none can begin before the last has ended
///   fan    N steps side by side
///   fanwf  N child runs side by side, each of one step
///   park   waits for the signal `go`, then writes its input as a line
///   walk   18 steps in a row, then as `park`: a log of 20 facts that waits
///   mixed  steps in a row and side by side that write lines with their
///          attempt keys, a timer between them, and a child run
///
/// A step is an effect of kind `tool`, carried out by the actor at `tool` like
/// every tool of the product: it starts only once every fact before it is on
/// disk, and its outcome is appended before the program goes on. A local side
/// effect (`ctx.local`) would be cheaper, but it is recorded together with
/// what follows; that would not be a durable step.
workflow::programs peer_programs();

} // namespace shannon::bench
