#pragma once

#include "actors/workflow/engine/run.hpp"

namespace shannon::workflow {

/// The word operators read for a phase: `running`, `parked` and so on.
const char* to_text(durable_run::phase which);

} // namespace shannon::workflow
