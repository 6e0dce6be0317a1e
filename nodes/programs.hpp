#pragma once

#include "actors/workflow/history/replay.hpp"
#include "config/settings.hpp"

#include <optional>

namespace shannon::nodes {

/// The program of this build that carries a run, by the strategy its first
/// fact names; nothing for one this build does not know. For tools that look
/// at logs: what runs is what the roles spawn.
std::optional<history::known_program>
program_of(const facts::RunStarted& start,
           const config::run_settings& settings);

} // namespace shannon::nodes
