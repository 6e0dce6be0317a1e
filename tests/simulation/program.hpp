#pragma once

#include "actors/workflow/engine/context.hpp"
#include "actors/workflow/engine/run.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace shannon::sim {

/// A part of a random program.
struct part {
  enum class kind : std::uint8_t {
    step,     ///< An effect, with some retry policy.
    sleep,    ///< Until a timer fires.
    signal,   ///< Waits for the next signal of a name.
    clock,    ///< Reads the time, and goes one of two ways by it.
    publish,  ///< Tells clients something.
    sequence, ///< Parts one after the other.
    all,      ///< Parts side by side, until all have ended.
    race,     ///< Parts side by side, until the first has ended.
    any,      ///< Parts side by side, until the first has succeeded.
    map,      ///< One part for several items, some at a time.
    patience, ///< A part that is cancelled after a while.
    clean_up, ///< A part; when it fails or is cancelled, a step behind it.
    saga,     ///< Steps; when one fails or is cancelled, they are undone.
    local,    ///< Values of chance, and a function as a step.
    child,    ///< A run of its own; waits for its end, or only its start.
  };

  kind what = kind::step;
  std::uint32_t number = 0;
  std::string key;
  workflow::step_options options;
  bool forgiving = true; ///< A step's failure does not end the run.
  bool detached = false; ///< Of a child.
  std::int64_t delay_us = 0;
  std::vector<part> parts;
};

/// What the input of a run says of its program: from this alone everything
/// follows, so that a replay years later asks for the same.
struct program_input {
  std::uint64_t seed = 0;
  std::uint32_t turn = 0;  ///< How often the run has begun anew.
  std::uint32_t depth = 0; ///< Of a child: how many runs stand above it.
  /// Signals that turns before this one have taken.
  std::uint64_t red = 0;
  std::uint64_t blue = 0;
};
std::string to_text(const program_input& input);
program_input input_of(const std::string& text);

part draw_program(const program_input& input);

/// How many turns the run has.
std::uint32_t turns_of(const program_input& input);

/// How many signals of each name the run can take at most, in all its turns.
unsigned signals_of(program_input input);

/// Told when a program is not given what it asked for.
struct program_faults {
  std::function<void(const std::string& asked, const std::string& got)>
      wrong_outcome;
  std::function<void(const std::string& name, std::uint64_t expected,
                     std::uint64_t got)>
      signal_skipped;
};

/// Carries out whatever program its input describes.
workflow::program interpreter(program_faults faults);

} // namespace shannon::sim
