#pragma once

#include "protocols/errc.hpp"
#include "protocols/store.hpp"

namespace shannon::store {

/// Refuses what the database would refuse with an error, which would cost the
/// whole group: text that is not UTF-8 or holds zeros, sizes out of bounds.
result<void> check(const append& what);

} // namespace shannon::store
