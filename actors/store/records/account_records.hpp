#pragma once

#include "actors/store/records/subject.hpp"

namespace shannon::store::records {

/// Tenants, users and their credentials: protocols/accounts.hpp.
subject account_lines();

} // namespace shannon::store::records
