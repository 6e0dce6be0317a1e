#pragma once

#include "actors/gateway/desk.hpp"

namespace shannon::gateway {

/// `/browser/...`, `/capture...` and `/extract` of the reference platform's
/// browser service, for who reaches the admin port of a node with browsers.
/// Sessions of clients are their own: no run's, by whatever name.
void add_browser_handlers(handler_table& table, desk& gateway);

} // namespace shannon::gateway
