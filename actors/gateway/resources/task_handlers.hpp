#pragma once

#include "actors/gateway/desk.hpp"

namespace shannon::gateway {

/// Submitting tasks and looking at them.
void add_task_handlers(handler_table& table, desk& gateway);

} // namespace shannon::gateway
