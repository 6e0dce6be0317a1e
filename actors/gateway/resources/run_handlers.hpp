#pragma once

#include "actors/gateway/desk.hpp"

namespace shannon::gateway {

/// Runs of any kind and anybody's, for operators.
void add_run_handlers(handler_table& table, desk& gateway);

} // namespace shannon::gateway
