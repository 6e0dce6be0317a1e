#pragma once

#include "actors/kit/owned_shards.hpp"
#include "protocols/errc.hpp"
#include "protocols/inspector.hpp"
#include "protocols/remote/workflow.pb.h"
#include "protocols/store.hpp"

#include <cstdint>
#include <optional>
#include <string>

/// How a run is told: from its row, and from itself if it is at work. Pure.
namespace shannon::inspector {

/// As its row alone has it.
seen_run run_of(const store::open_log_row& row);

/// What the run itself says counts more.
void describe(seen_run& run, const remote::RunDescription& live);

/// `effect plan#1 (llm), attempt 2`, `timer nap#1`, `signal approve`.
std::string wait_text(const remote::Wait& wait);

/// After which log the page begins; nothing: with the first. Refuses (invalid_argument) a cursor, phase or limit
/// that is none, and says what was expected.
result<std::optional<std::int64_t>> first_of(const get_runs& wanted);

} // namespace shannon::inspector
