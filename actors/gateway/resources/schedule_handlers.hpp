#pragma once

#include "actors/gateway/desk.hpp"

namespace shannon::gateway {

/// Schedules: durable runs that start tasks by a cron expression.
void add_schedule_handlers(handler_table& table, desk& gateway);

} // namespace shannon::gateway
