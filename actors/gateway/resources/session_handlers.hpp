#pragma once

#include "actors/gateway/desk.hpp"

namespace shannon::gateway {

/// Sessions: what tasks belong to, with their history.
void add_session_handlers(handler_table& table, desk& gateway);

} // namespace shannon::gateway
