#pragma once

#include "actors/gateway/desk.hpp"

namespace shannon::gateway {

/// What a task can be carried out with: skills, tools, and agents of fixed
/// input, of which there are none.
void add_catalog_handlers(handler_table& table, desk& gateway);

} // namespace shannon::gateway
