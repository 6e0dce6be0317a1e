#pragma once

#include "actors/gateway/desk.hpp"

namespace shannon::gateway {

/// What programs beside the node tell of tasks, on the admin port: events,
/// which become facts of the task's log, and replies of daemons.
void add_ingest_handlers(handler_table& table, desk& gateway);

} // namespace shannon::gateway
