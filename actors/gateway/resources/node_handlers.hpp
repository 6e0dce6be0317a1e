#pragma once

#include "actors/gateway/desk.hpp"
#include "metrics/registry.hpp"

#include <functional>

namespace shannon::gateway {

/// Readiness and metrics; for operators the node's inside and its end.
void add_node_handlers(handler_table& table, desk& gateway,
                       metrics::registry& registry,
                       std::function<void()> drain_node);

} // namespace shannon::gateway
