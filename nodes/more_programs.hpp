#pragma once

#include "actors/workflow/engine/run.hpp"
#include "config/settings.hpp"

#include <functional>
#include <map>
#include <string>

namespace shannon::nodes {

/// What WORKFLOWs of this executable can run beside the product's strategies,
/// by name; one of a name that is known stands in its place. `shannon` has
/// none. An executable for tests has an object of its own that says which: it
/// goes before the one in the library.
std::map<std::string, workflow::program, std::less<>>
more_programs(const config::run_settings& settings);

} // namespace shannon::nodes
