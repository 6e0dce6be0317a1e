#pragma once

#include "actors/gateway/desk.hpp"

namespace shannon::gateway {

/// Submitting tasks, looking at them and telling them to stop.
void add_task_handlers(handler_table& table, desk& gateway);

} // namespace shannon::gateway
