#pragma once

#include "actors/gateway/desk.hpp"

namespace shannon::gateway {

/// What people say while a task runs: approvals, reviews of its plan, messages
/// to a swarm.
void add_people_handlers(handler_table& table, desk& gateway);

} // namespace shannon::gateway
