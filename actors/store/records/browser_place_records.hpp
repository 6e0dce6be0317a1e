#pragma once

#include "actors/store/records/subject.hpp"

namespace shannon::store::records {

/// What RECORD STORE answers about clients' browser sessions:
/// protocols/browser_places.hpp.
subject browser_place_lines();

} // namespace shannon::store::records
