#pragma once

#include "actors/gateway/desk.hpp"

namespace shannon::gateway {

/// Cancelling, pausing and resuming tasks.
void add_control_handlers(handler_table& table, desk& gateway);

} // namespace shannon::gateway
