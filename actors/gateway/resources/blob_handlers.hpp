#pragma once

#include "actors/gateway/desk.hpp"

namespace shannon::gateway {

/// Bodies that logs refer to, by their hash: of the caller's tenant only, on
/// the admin port of all.
void add_blob_handlers(handler_table& table, desk& gateway);

} // namespace shannon::gateway
