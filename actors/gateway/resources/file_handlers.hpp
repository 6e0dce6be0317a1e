#pragma once

#include "actors/gateway/desk.hpp"
#include "config/settings.hpp"

namespace shannon::gateway {

/// Files of sessions and of users, read from the folders that the tools of all
/// nodes write: read-only, and on threads of their own.
void add_file_handlers(handler_table& table, desk& gateway,
                       const config::tool_settings& settings);

} // namespace shannon::gateway
