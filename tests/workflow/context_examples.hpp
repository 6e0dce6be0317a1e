#pragma once

#include "actors/workflow/engine/context.hpp"
#include "actors/workflow/engine/saga.hpp"
#include "tests/kit/run_driver.hpp"

#include <map>
#include <string>

/// The examples of docs/context.md, as programs: the tests run them, and the
/// golden corpus holds a recorded log of each.
namespace shannon::workflow::examples {

struct example {
  program code;
  std::string input;
};

/// By name.
const std::map<std::string, example>& all_examples();

/// A world that answers what the examples ask: tools echo their arguments in
/// brackets, `flaky` ones fail once, `broken` ones always; children answer
/// their input.
durable_run::effect_outcome answer(const durable_run::effect_start& start);

/// Everything it takes to run one.
run_driver world_of(const example& what, run_options options = {});

/// What happens from outside while an example waits: signals, a cancel.
/// False when nothing is to happen any more.
bool happen(const std::string& name, run_driver& world);

remote::ToolRequest tool(std::string name, std::string arguments);

} // namespace shannon::workflow::examples
